using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

/// <summary>What backward reports as complete has its final bits, and reporting changes none.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class BackwardProgressTests
{
    [Theory]
    [MemberData(nameof(LanguageModelTests.Kinds), MemberType = typeof(LanguageModelTests))]
    public void Reported_gradients_are_final(string kind)
    {
        foreach (var isCheckpointed in (bool[])[false, true])
        {
            foreach (var type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
                ShouldBeFinal(LanguageModelTests.Config(kind) with { NumHiddenLayers = 3 }, type, isCheckpointed, [3, 2, 1, 0]);
        }
    }

    [Fact]
    public void Layers_without_experts_and_tied_embeddings_are_no_exception()
    {
        var config = TinyModels.Bam with
        {
            NumHiddenLayers = 3, MlpOnlyLayers = [1], DenseIntermediateSize = 24, TieWordEmbeddings = true,
        };
        ShouldBeFinal(config, ScalarType.Float32, isCheckpointed: false, [3, 2, 1, 0]);
        ShouldBeFinal(config, ScalarType.Float32, isCheckpointed: true, [3, 2, 1, 0]);
    }

    [Theory]
    [InlineData("embed_tokens", new[] { 2, 1 })]
    [InlineData("layers.0.", new[] { 2, 1, 0 })]
    [InlineData("layers.1.", new[] { 2, 1, 0 })]
    [InlineData("model", new int[0])]
    public void Frozen_parameters_are_not_reported_or_make_no_difference(string frozen, int[] layers)
    {
        var config = TinyModels.Bam with { TieWordEmbeddings = false };
        ShouldBeFinal(config, ScalarType.Float32, isCheckpointed: false, layers, frozen);
        ShouldBeFinal(config, ScalarType.Float32, isCheckpointed: true, layers, frozen);
    }

    [Fact]
    public void Nothing_outlives_a_step_and_without_a_graph_nothing_is_reported()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam);
        var reported = 0;
        model.Progress = new(_ => reported++);
        var ids = TinyModels.Ids(2, 12);
        var live = Tensor.LiveCount;
        using (TensorScope.Open()) Autograd.Backward(model.Loss(ids, ids).Total);
        reported.ShouldBe(3);
        using (TensorScope.Open()) model.Loss(ids, ids);  // a graph dropped without backward
        using (TensorScope.Open())
        {
            using var noGrad = NoGrad.Enter();
            model.Logits(ids);
        }

        reported.ShouldBe(3);
        Tensor.LiveCount.ShouldBe(live, TensorLeaks.Report());
        AutogradFunction.LiveCount.ShouldBe(0);
    }

    private static void ShouldBeFinal(
        ModelConfig config, ScalarType type, bool isCheckpointed, int[] expectedLayers, string? frozen = null)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(config, computeType: type, activationCheckpointing: isCheckpointed);
        foreach (var name in model.Parameters.Names)
            model.Parameters[name].RequiresGrad = frozen is null || !name.Contains(frozen, StringComparison.Ordinal);
        var layers = new List<int>();
        var reported = new List<(ParameterSlice Slice, float[] Gradient)>();
        var progress = new BackwardProgress(layer =>
        {
            layers.Add(layer);
            var complete = model.Slices.Where(slice => BackwardProgress.LayerOf(slice.Parameter, config) >= layer);
            reported.AddRange(complete.Select(slice => (slice, GradientOf(model, slice))));
        });

        TwoBatches(model, progress: null);
        var expected = model.Parameters.Gradients.ToArray<float>();
        layers.ShouldBeEmpty();
        model.Parameters.ZeroGradients();
        TwoBatches(model, progress);
        model.Parameters.Gradients.ToArray<float>().ShouldBe(expected);
        layers.ShouldBe(expectedLayers);
        foreach (var (slice, gradient) in reported) gradient.ShouldBe(GradientOf(model, slice), slice.Parameter.Name);
    }

    // Only the second is reported.
    private static void TwoBatches(LanguageModel model, BackwardProgress? progress)
    {
        for (var seed = 1; seed <= 2; seed++)
        {
            using var scope = TensorScope.Open();
            model.Progress = seed == 2 ? progress : null;
            Autograd.Backward(model.Loss(TinyModels.Ids(4, 24, seed), TinyModels.Ids(4, 24, seed + 2)).Total);
        }
    }

    private static float[] GradientOf(LanguageModel model, ParameterSlice slice)
    {
        using var scope = TensorScope.Open();
        return model.Parameters.Gradients.Narrow(0, slice.Offset, slice.Count).ToArray<float>();
    }
}
