using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

public sealed class CheckpointComparisonTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public CheckpointComparisonTests() => TinyModel.Write(directory["a"], TinyModel.Dense, 1);

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_checkpoint_is_the_same_as_its_copy()
    {
        TinyModel.Write(directory["b"], TinyModel.Dense, 1);
        var comparison = Compare();
        comparison.IsSame.ShouldBeTrue();
        comparison.Components.Single(component => component.Kind == ParameterKind.Norm)
            .ShouldBe(new ComponentDifference(ParameterKind.Norm, 3, 3, 0, 0));
    }

    [Fact]
    public void Changed_numbers_are_measured_by_component()
    {
        Directory.CreateDirectory(directory["b"]);
        TinyModel.Dense.Save(directory["b"]);
        var parameters = ParameterTable.Of(TinyModel.Dense);
        SafetensorsWriter.WriteFloat32(
            directory["b/model.safetensors"], [.. parameters.Select(p => (p.Name, p.Shape, Changed(p)))]);
        var comparison = Compare();
        comparison.IsSame.ShouldBeFalse();
        comparison.Config.ShouldBeEmpty();
        var up = comparison.Components.Single(component => component.Kind == ParameterKind.Up);
        (up.Tensors, up.EqualTensors).ShouldBe((2, 1));
        up.LargestDifference.ShouldBe(0.5, 1e-6);
        var norm = Math.Sqrt(
            parameters.Where(p => p.Kind == ParameterKind.Up).SelectMany(p => TinyModel.Values(p, 1))
                .Sum(value => (double)value * value));
        up.RelativeDifference.ShouldBe(0.5 / norm, 1e-6);
        comparison.Components.Where(component => component.Kind != ParameterKind.Up)
            .ShouldAllBe(component => component.EqualTensors == component.Tensors);

        static ReadOnlyMemory<float> Changed(ParameterInfo parameter)
        {
            var values = TinyModel.Values(parameter, 1);
            if (parameter is { Kind: ParameterKind.Up, Layer: 1 }) values[7] += 0.5f;
            return values;
        }
    }

    [Fact]
    public void Tensors_of_one_alone_or_of_another_shape_are_named_and_configuration_and_tokenizer_compared()
    {
        TinyModel.Write(directory["b"], TinyModel.Dense with { VocabSize = 8, TieWordEmbeddings = false, EosTokenIds = [2] }, 1);
        File.WriteAllText(directory["a/tokenizer.json"], "{\"version\":\"1.0\",\"model\":{\"vocab\":{\"a\":0}}}");
        File.WriteAllText(directory["b/tokenizer.json"], "{\"version\":\"1.0\",\"model\":{\"vocab\":{\"b\":0}}}");
        var comparison = Compare();
        comparison.OnlyInFirst.ShouldBe(["model.embed_tokens.weight"]);
        comparison.OnlyInSecond.ShouldBe(["model.embed_tokens.weight", "lm_head.weight"]);
        comparison.Config.ShouldBe(
        [
            new ModelConfigDifference("vocab_size", "7", "8", true),
            new ModelConfigDifference("tie_word_embeddings", "true", "false", true),
            new ModelConfigDifference("eos_token_id", "null", "2", false),
        ]);
        comparison.Tokenizer.ShouldBe("model.vocab.a: 0 and none");
    }

    [Fact]
    public void A_summary_counts_what_is_there()
    {
        var config = TinyModel.Dense with { NumAttentionExperts = 2, ShareKeyValue = true, NumLocalExperts = 3 };
        TinyModel.Write(directory["b"], config, 1, TensorDtype.BFloat16);
        File.WriteAllText(
            directory["b/tokenizer.json"], "{\"model\":{\"vocab\":{\"a\":0,\"b\":4}},\"added_tokens\":[{\"id\":5}]}");
        using var checkpoint = Checkpoint.Open(directory["b"], SilentReporter.Instance);
        var summary = CheckpointSummary.Of(checkpoint);
        summary.Kind.ShouldBe("BAM, shared KV");
        summary.Dtypes.ShouldHaveSingleItem().Dtype.ShouldBe(TensorDtype.BFloat16);
        summary.TokenizerIds.ShouldBe(6);
        summary.Components.ShouldContain(new ComponentSize(ParameterKind.Key, 2, 2 * 4 * 6));
        summary.Components.ShouldContain(new ComponentSize(ParameterKind.Query, 4, 4 * 8 * 6));
        summary.Components.ShouldContain(new ComponentSize(ParameterKind.Gate, 6, 6 * 5 * 6));
        summary.Parameters.ShouldBe(summary.Components.Sum(component => component.Parameters));
        summary.Files.ShouldBe(
            [
                new WeightFile(
                    "model.safetensors", checkpoint.Tensors.Count, new FileInfo(directory["b/model.safetensors"]).Length),
            ]);
    }

    private CheckpointComparison Compare()
    {
        using var a = Checkpoint.Open(directory["a"], SilentReporter.Instance);
        using var b = Checkpoint.Open(directory["b"], SilentReporter.Instance);
        return CheckpointComparison.Of(a, b, SilentReporter.Instance);
    }
}
