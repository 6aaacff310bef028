using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

/// <summary>A step with activation checkpointing equals the step without, bit for bit.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class ActivationCheckpointingTests
{
    [Theory]
    [MemberData(nameof(LanguageModelTests.Kinds), MemberType = typeof(LanguageModelTests))]
    public void Losses_gradients_and_statistics_are_the_same_bits(string kind) => ShouldBeSame(kind, isBfloat16: false);

    [Theory]
    [MemberData(nameof(LanguageModelTests.Kinds), MemberType = typeof(LanguageModelTests))]
    public void So_they_are_in_bfloat16(string kind) => ShouldBeSame(kind, isBfloat16: true);

    [Fact]
    public void Layers_without_experts_between_layers_with_some_are_computed_again_too()
    {
        var config = TinyModels.Bam with { NumHiddenLayers = 3, MlpOnlyLayers = [1], DenseIntermediateSize = 24 };
        Step(config, false, true).Gradients.ShouldBe(Step(config, false, false).Gradients);
    }

    [Theory]
    [InlineData("embed_tokens")]
    [InlineData("layers.0.")]
    [InlineData("layers.1.")]
    [InlineData("norm")]
    public void Frozen_parameters_make_no_difference(string frozen) =>
        Step(TinyModels.Bam, false, true, frozen).Gradients.ShouldBe(Step(TinyModels.Bam, false, false, frozen).Gradients);

    [Fact]
    public void Parameters_that_were_changed_between_forward_and_backward_are_refused()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Dense, activationCheckpointing: true);
        var ids = TinyModels.Ids(2, 12);
        var loss = model.Loss(ids, ids).Total;
        using (NoGrad.Enter()) model.Parameters.Values.Add_(1);
        Should.Throw<TorchException>(() => Autograd.Backward(loss)).Message.ShouldContain("modified by an inplace operation");
    }

    [Fact]
    public void No_tensor_outlives_a_step()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam, activationCheckpointing: true);
        var ids = TinyModels.Ids(2, 12);
        var live = Tensor.LiveCount;
        using (TensorScope.Open()) Autograd.Backward(model.Loss(ids, ids).Total);
        using (TensorScope.Open()) model.Loss(ids, ids);  // a graph dropped without backward
        Tensor.LiveCount.ShouldBe(live, TensorLeaks.Report());
        AutogradFunction.LiveCount.ShouldBe(0);
    }

    [Fact]
    public void Without_gradients_nothing_is_computed_twice()
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        using var plain = TinyModels.Create(TinyModels.Bam);
        using var checkpointed = TinyModels.Create(TinyModels.Bam, activationCheckpointing: true);
        var ids = TinyModels.Ids(2, 12);
        checkpointed.Logits(ids).ToArray<float>().ShouldBe(plain.Logits(ids).ToArray<float>());
        checkpointed.Loss(ids, ids).Read().ShouldBe(plain.Loss(ids, ids).Read());
    }

    private static void ShouldBeSame(string kind, bool isBfloat16)
    {
        var config = LanguageModelTests.Config(kind);
        var (expected, found) = (Step(config, isBfloat16, false), Step(config, isBfloat16, true));
        found.Losses.ShouldBe(expected.Losses);
        found.Gradients.ShouldBe(expected.Gradients);
        found.Gradients.ShouldContain(gradient => gradient != 0);
        found.Routing.ShouldBe(expected.Routing);
    }

    private static Result Step(ModelConfig config, bool isBfloat16, bool isCheckpointed, string? frozen = null)
    {
        using var scope = TensorScope.Open();
        var type = isBfloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        using var model = TinyModels.Create(config, computeType: type, activationCheckpointing: isCheckpointed);
        foreach (var name in model.Parameters.Names)
            model.Parameters[name].RequiresGrad = frozen is null || !name.Contains(frozen, StringComparison.Ordinal);
        var statistics = new RoutingStatistics(config, domains: 2);
        statistics.BeginBatch([0, 1, 1, 0]);
        var losses = model.Loss(TinyModels.Ids(4, 24, 1), TinyModels.Ids(4, 24, 2), statistics, nllWeight: 0.5);
        Autograd.Backward(losses.Total);
        model.Parameters.AssertGradientsInPlace();
        return new(
            [
                losses.Total.Item<float>(), losses.Nll.Item<float>(),
                .. losses.LoadBalancing.ToArray<float>(), .. losses.RouterZ.ToArray<float>(),
            ],
            model.Parameters.Gradients.ToArray<float>(),
            [.. statistics.Layers.SelectMany(NumbersOf)]);
    }

    private static IEnumerable<double> NumbersOf(LayerRouting layer) =>
        [layer.GateEntropy, layer.RouterEntropy, .. layer.ExpertLoad(1) ?? [], .. layer.AttentionGate(1) ?? []];

    private sealed record Result(float[] Losses, float[] Gradients, double[] Routing);
}
