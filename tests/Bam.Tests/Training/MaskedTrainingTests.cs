using Bam.Data;
using Bam.Torch;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

/// <summary>Training on data of which only some tokens count.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class MaskedTrainingTests : IDisposable
{
    private const int Tokens = 20 * 51; // of each domain

    private readonly TinyRun run = new();
    private readonly long liveTensors = Tensor.LiveCount;

    public void Dispose()
    {
        run.Dispose();
        Tensor.LiveCount.ShouldBe(liveTensors);
    }

    [Fact]
    public void A_mask_of_ones_changes_no_bit()
    {
        StepResult[] expected, found;
        using (var session = run.Session()) expected = [.. Enumerable.Range(0, 4).Select(step => session.Step(step))];
        Mask("count", _ => true);
        using (var session = run.Session()) found = [.. Enumerable.Range(0, 4).Select(step => session.Step(step))];
        found.ShouldBe(expected);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Each_target_weighs_the_same_in_every_micro_batch(int parts)
    {
        // The windows of a step differ in how many of their tokens count: a mean of means would differ.
        Mask("count", i => i % 51 < 9);
        Mask("walk", i => i % 7 == 0);
        using var whole = run.Session("clip_norm: null", TinyRun.Dense);
        using var split = run.Session($"clip_norm: null\ngradient_accumulation: {parts}", TinyRun.Dense);
        var (expected, found) = (whole.Step(0), split.Step(0));
        found.Nll.ShouldBe(expected.Nll, 1e-5);
        found.GradientNorm.ShouldBe(expected.GradientNorm, 1e-5);
        var (means, expectedMeans) = (split.Optimizer.Means.ToArray<float>(), whole.Optimizer.Means.ToArray<float>());
        means.Zip(expectedMeans).Max(pair => Math.Abs(pair.First - pair.Second)).ShouldBeLessThan(1e-6f);
    }

    [Fact]
    public void Nothing_is_learnt_where_nothing_counts()
    {
        Mask("count", _ => false);
        Mask("walk", _ => false);
        using var session = run.Session(model: TinyRun.Dense);
        var result = session.Step(0);
        (result.Nll, result.Loss, result.GradientNorm).ShouldBe((0, 0, 0));
    }

    [Fact]
    public void What_does_not_count_is_not_learnt()
    {
        Mask("count", i => false);
        using var session = run.Session(steps: 60);
        for (var step = 0; step < 60; step++) session.Step(step);
        Mask("count", i => true);
        Mask("walk", i => false);
        using var other = run.Session(steps: 60);
        for (var step = 0; step < 60; step++) other.Step(step);
        // "walk" is learnt by the first, "count" by the second: each is worse on the other's.
        (NllOf(session, "walk") < NllOf(other, "walk") - 1).ShouldBeTrue();
        (NllOf(other, "count") < NllOf(session, "count") - 1).ShouldBeTrue();
    }

    [Fact]
    public void Another_mask_is_other_data()
    {
        var config = run.Config("out");
        var without = TrainingData.IdentitiesOf(config);
        Mask("walk", i => i % 2 == 0);
        var with = TrainingData.IdentitiesOf(config);
        Mask("walk", i => i % 2 == 1);
        var other = TrainingData.IdentitiesOf(config);
        with[0].ShouldBe(without[0]);
        with[1].ShouldNotBe(without[1]);
        other[1].ShouldNotBe(with[1]);
        with[1].MaskSha256.ShouldNotBeNull();
    }

    private static double NllOf(TrainingSession session, string domain)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var tokens = Enumerable.Range(3, 33).Select(i => domain == "count" ? (5L + i) % 13 : 14L + i * i % 17).ToArray();
        var (inputs, targets) = (tokens[..32], tokens[1..]);
        return session.Model.Loss(
            Tensor.From<long>(inputs, [1, 32], Device.Cpu), Tensor.From<long>(targets, [1, 32], Device.Cpu)).Nll.Item<float>();
    }

    private void Mask(string domain, Func<int, bool> counts)
    {
        var writer = new TokenMaskWriter(run[Path.Combine(domain, "train")]);
        writer.Append([.. Enumerable.Range(0, Tokens).Select(counts)]);
        writer.Complete();
    }
}
