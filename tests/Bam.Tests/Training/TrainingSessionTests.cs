using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

[Collection(LibTorchCollection.Name)]
public sealed class TrainingSessionTests : IDisposable
{
    private readonly TinyRun run = new();
    private readonly long liveTensors = Tensor.LiveCount;

    [Fact]
    public void The_loss_of_a_learnable_sequence_falls()
    {
        using var session = run.Session(steps: 60);
        var first = session.Step(0);
        var last = Enumerable.Range(1, 59).Select(s => session.Step(s)).ToArray()[^1];
        first.Nll.ShouldBe(Math.Log(32), 0.1);
        last.Nll.ShouldBeLessThan(1.0);
        last.Loss.ShouldBeGreaterThan(last.Nll);
    }

    [Fact]
    public void It_falls_in_bfloat16_too()
    {
        using var session = run.Session("dtype: bfloat16", steps: 60);
        var last = Enumerable.Range(0, 60).Select(s => session.Step(s)).ToArray()[^1];
        last.Nll.ShouldBeLessThan(1.5);
    }

    [Fact]
    public void One_seed_gives_one_result_bit_for_bit()
    {
        using var first = run.Session();
        using var second = run.Session();
        for (var step = 0; step < 5; step++) first.Step(step).ShouldBe(second.Step(step));
        first.Model.Parameters.Values.ToArray<float>().ShouldBe(second.Model.Parameters.Values.ToArray<float>());
    }

    [Theory]
    [InlineData("")]
    [InlineData("dtype: bfloat16")]
    [InlineData("gradient_accumulation: 2")]
    [InlineData("freeze: ['model.embed_tokens.*', 'model.layers.0.*']")]
    [InlineData("train_only: ['*router*']")]
    public void Activation_checkpointing_trains_the_same_model_bit_for_bit(string more)
    {
        using var plain = run.Session(more);
        using var lean = run.Session($"{more}\nactivation_checkpointing: true");
        lean.Model.ActivationCheckpointing.ShouldBeTrue();
        for (var step = 0; step < 4; step++) lean.Step(step).ShouldBe(plain.Step(step));
        lean.Model.Parameters.Values.ToArray<float>().ShouldBe(plain.Model.Parameters.Values.ToArray<float>());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Accumulated_micro_batches_have_the_gradient_of_one_batch(int parts)
    {
        using var whole = run.Session("clip_norm: null", TinyRun.Dense);
        using var split = run.Session($"clip_norm: null\ngradient_accumulation: {parts}", TinyRun.Dense);
        var (expected, found) = (whole.Step(0), split.Step(0));
        found.Nll.ShouldBe(expected.Nll, 1e-5);
        found.GradientNorm.ShouldBe(expected.GradientNorm, 1e-5);
        ShouldBeClose(split.Optimizer.Means, whole.Optimizer.Means);
    }

    [Fact]
    public void Clipping_scales_the_gradient_to_the_limit()
    {
        using var session = run.Session("clip_norm: 0.01\nbeta1: 0.5");
        session.Step(0).GradientNorm.ShouldBeGreaterThan(0.1);
        // After one step the mean is half of the clipped gradient.
        var norm = Math.Sqrt(session.Optimizer.Means.ToArray<float>().Sum(m => (double)m * m));
        norm.ShouldBe(0.005, 1e-6);
    }

    [Fact]
    public void Only_what_train_only_names_moves()
    {
        using var session = run.Session("train_only: ['*router*']\nfreeze: ['model.layers.0.mlp.router.weight']");
        var before = session.Model.Parameters.Values.ToArray<float>();
        for (var step = 0; step < 3; step++) session.Step(step);
        var after = session.Model.Parameters.Values.ToArray<float>();
        var trained = new bool[before.Length];
        foreach (var slice in session.Model.Slices.Where(s => session.Trained.Contains(s.Parameter.Name)))
            Array.Fill(trained, true, (int)slice.Offset, (int)slice.Count);
        session.Trained.Order().ShouldBe(
        [
            "model.layers.0.self_attn.router.weight", "model.layers.1.mlp.router.weight",
            "model.layers.1.self_attn.router.weight",
        ]);
        for (var i = 0; i < before.Length; i++) (before[i] != after[i]).ShouldBe(trained[i], $"element {i}");
        session.Optimizer.Means.Count.ShouldBe(trained.Count(t => t));
    }

    [Fact]
    public void A_part_of_a_stack_can_be_frozen()
    {
        const string frozen = "model.layers.1.self_attn.experts.0.k_proj.weight";
        using var session = run.Session($"freeze: ['{frozen}']");
        var slice = session.Model.Slices.Single(s => s.Parameter.Name == frozen);
        var before = session.Model.Parameters.Values.ToArray<float>();
        for (var step = 0; step < 2; step++) session.Step(step);
        var after = session.Model.Parameters.Values.ToArray<float>();
        var range = (int)slice.Offset..(int)(slice.Offset + slice.Count);
        after[range].ShouldBe(before[range]);
        after[(int)(slice.Offset + slice.Count)].ShouldNotBe(before[(int)(slice.Offset + slice.Count)]);
    }

    [Fact]
    public void Decay_applies_to_matrices_only()
    {
        using var session = run.Session();
        foreach (var slice in session.Model.Slices)
            session.Optimizer.Ranges.Single(
                r => r.Offset <= slice.Offset && slice.Offset < r.Offset + r.Count).Decays.ShouldBe(slice.IsMatrix,
                slice.Parameter.Name);
        session.Optimizer.Ranges.Sum(r => r.Count).ShouldBe(session.Model.Slices.Sum(s => s.Count));
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_before_anything_changes()
    {
        using var session = run.Session("gradient_accumulation: 2");
        session.Step(0);
        session.Model.Parameters.Values.AsSpan<float>()[0] = float.NaN;
        var before = session.Model.Parameters.Values.ToArray<float>();
        var message = Should.Throw<WorkFailedException>(() => session.Step(1)).Message;
        message.ShouldStartWith("step 2: the loss is not finite");
        message.ShouldContain("count at tokens ");
        message.ShouldContain("walk at tokens ");
        message.ShouldNotContain("\n");
        session.Model.Parameters.Values.ToArray<float>().ShouldBe(before);
    }

    [Fact]
    public void Windows_longer_than_the_model_allows_are_refused() =>
        Should.Throw<InvalidInputException>(
            () => run.Session("", TinyRun.Dense.Replace("max_position_embeddings: 64", "max_position_embeddings: 8")))
            .Message.ShouldContain("key 'sequence_length'");

    [Fact]
    public void No_tensor_outlives_a_session()
    {
        using (var session = run.Session())
        {
            session.Step(0);
            var live = Tensor.LiveCount;
            for (var step = 1; step < 5; step++) session.Step(step);
            Tensor.LiveCount.ShouldBe(live);
        }

        Tensor.LiveCount.ShouldBe(liveTensors);
    }

    public void Dispose() => run.Dispose();

    private static void ShouldBeClose(Tensor found, Tensor expected)
    {
        var (x, y) = (found.ToArray<float>(), expected.ToArray<float>());
        var largest = y.Max(Math.Abs);
        for (var i = 0; i < x.Length; i++) ((double)x[i]).ShouldBe(y[i], 1e-5 * largest, $"element {i}");
    }
}
