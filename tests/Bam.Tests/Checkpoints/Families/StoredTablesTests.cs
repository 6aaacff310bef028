using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Families;

/// <summary>Tables in old files: silence where they say what config.json says, one warning where they do not.</summary>
public sealed class StoredTablesTests : IDisposable
{
    private const string Llama = "model.layers.0.self_attn.rotary_emb.inv_freq";
    private const string Mask = "gpt_neox.layers.1.attention.bias", Sines = "transformer.h.0.attn.embed_positions";

    private readonly TemporaryDirectory directory = new();
    private readonly RecordingReporter reporter = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(TensorDtype.Float32)]
    [InlineData(TensorDtype.Float16)]
    [InlineData(TensorDtype.BFloat16)]
    [InlineData(TensorDtype.Float64)]
    public void Frequencies_of_the_configuration_pass_in_silence(TensorDtype dtype)
    {
        Warnings("llama-gqa", rope: null, new Table(Llama, dtype, [4], [1, 0.1f, 0.01f, 0.001f])).ShouldBeEmpty();
        // θ = 500,000; wavelengths above 32 are divided by 8, those above 8 in part.
        Warnings(
            "llama-tied-llama3rope", rope: null,
            new Table(Llama, dtype, [4], [1, 0.004700754f, 0.0001767767f, 6.64787e-06f])).ShouldBeEmpty();
    }

    [Fact]
    public void Other_frequencies_are_named_once()
    {
        var other = Llama.Replace("0", "1", StringComparison.Ordinal);
        Warnings(
            "llama-gqa", rope: null, new Table(Llama, TensorDtype.Float16, [4], [1, 0.1f, 0.015625f, 0.001f]),
            new Table(other, TensorDtype.Float16, [4], [1, 0.1f, 0.015625f, 0.001f]))
            .ShouldBe(
                [$"{File}: tensor {Llama} (and 1 more): [2] is 0.015625, but config.json gives 0.01; the model is computed "
                    + "from config.json, as in transformers"]);
    }

    [Theory]
    [InlineData(TensorDtype.Float32, 3, "F32 [3]")]
    [InlineData(TensorDtype.Int32, 4, "I32 [4]")]
    public void Frequencies_of_another_form_are_named(TensorDtype dtype, int length, string found) =>
        Warnings("llama-gqa", rope: null, new Table(Llama, dtype, [length], new float[length]))
            .ShouldBe(
                [$"{File}: tensor {Llama}: expected floating-point [4], as config.json says, found {found}; the model is "
                    + "computed from config.json, as in transformers"]);

    [Theory]
    [InlineData(1, true)]  // as older versions stored them
    [InlineData(0.25f, true)]
    [InlineData(0.5f, false)]
    public void Linear_scaling_may_be_stored_or_not(float factor, bool isSilent) =>
        Warnings("llama-gqa", """{"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}""",
            new Table(Llama, TensorDtype.Float32, [4], [factor, 0.1f * factor, 0.01f * factor, 0.001f * factor]))
            .Any().ShouldBe(!isSilent);

    [Theory]
    [InlineData(TensorDtype.Bool)]
    [InlineData(TensorDtype.UInt8)]
    [InlineData(TensorDtype.Float16)]
    [InlineData(TensorDtype.Float32)]
    public void Causal_masks_pass_in_silence(TensorDtype dtype) =>
        Warnings(
            "gpt-neox-pythia", rope: null, new Table(Mask, dtype, [1, 1, 3, 3], [1, 0, 0, 1, 1, 0, 1, 1, 1]),
            new Table("gpt_neox.layers.1.attention.masked_bias", TensorDtype.Float32, [], [-1e9f]))
            .ShouldBeEmpty();

    [Theory]
    [InlineData(
        TensorDtype.Bool, new[] { 1, 1, 3, 3 }, new[] { 1f, 1, 1, 1, 1, 1, 1, 1, 1 },
        "BOOL [1, 1, 3, 3] holds something else than a causal mask")]
    [InlineData(TensorDtype.Float32, new[] { 1, 1, 3, 3 }, new[] { 1f, 0, 0, 1, 1, 0, 0, 1, 1 }, "F32 [1, 1, 3, 3] holds "
        + "something else than a causal mask")] // a window
    [InlineData(TensorDtype.UInt8, new[] { 3 }, new[] { 1f, 1, 1 }, "U8 [3] holds something else than a causal mask")]
    public void Other_masks_are_named(TensorDtype dtype, int[] shape, float[] values, string difference) =>
        Warnings("gpt-neox-pythia", rope: null, new Table(Mask, dtype, [.. shape], values))
            .ShouldBe([$"{File}: tensor {Mask}: {difference}; the model is computed from config.json, as in transformers"]);

    [Fact]
    public void A_score_that_masks_nothing_is_named() =>
        Warnings("gptj", rope: null, new Table("transformer.h.0.attn.masked_bias", TensorDtype.Float32, [], [0]))
            .ShouldHaveSingleItem().ShouldContain("0 does not mask a score");

    [Fact]
    public void Sines_and_cosines_are_compared()
    {
        float[] right = [0, 0, 1, 1, 0.841471f, 0.009999833f, 0.5403023f, 0.99995f];
        Warnings("gptj", rope: null, new Table(Sines, TensorDtype.Float16, [2, 4], right)).ShouldBeEmpty();
        Warnings("gptj", rope: null, new Table(Sines, TensorDtype.Float32, [2, 4], [.. right[..5], 0.1f, .. right[6..]]))
            .ShouldHaveSingleItem().ShouldContain("[1, 1] is 0.1, but config.json gives 0.009999833;");
        Warnings("gptj", rope: null, new Table(Sines, TensorDtype.Float32, [4, 2], right)).ShouldHaveSingleItem()
            .ShouldContain("expected floating-point [128, 4], as config.json says, found F32 [4, 2]");
    }

    private string File => directory[WeightSet.SingleFileName];

    private IReadOnlyList<string> Warnings(string name, string? rope, params Table[] tables)
    {
        var source = Fixtures.HuggingFaceModel(name);
        var config = JsonNode.Parse(System.IO.File.ReadAllText(Path.Combine(source, ModelConfig.FileName)))!.AsObject();
        if (rope is not null) config["rope_parameters"] = JsonNode.Parse(rope);
        System.IO.File.WriteAllText(directory[ModelConfig.FileName], config.ToJsonString());
        using (var stored = SafetensorsFile.Open(Path.Combine(source, WeightSet.SingleFileName)))
        {
            SafetensorsWriter.Write(
                File,
                [
                    .. stored.Tensors.Values.Select(tensor => new TensorDeclaration(tensor.Name, tensor.Dtype, tensor.Shape)),
                    .. tables.Select(table => new TensorDeclaration(table.Name, table.Dtype, table.Shape)),
                ],
                (tensor, stream) =>
                    stream.Write(
                        tables.FirstOrDefault(table => table.Name == tensor.Name)?.ToBytes() ?? Bytes(stored, tensor.Name)));
        }

        reporter.Warnings.Clear();
        Checkpoint.Open(directory.Root, reporter).Dispose();
        return reporter.Warnings;
    }

    private static byte[] Bytes(SafetensorsFile file, string name)
    {
        var bytes = new byte[file[name].ByteLength];
        file.ReadBytes(file[name], 0, bytes);
        return bytes;
    }

    private sealed record Table(string Name, TensorDtype Dtype, long[] Shape, float[] Values)
    {
        public byte[] ToBytes()
        {
            var bytes = new byte[Values.Length * Dtype.ByteSize];
            if (Dtype.IsFloatingPoint) FloatConversion.FromFloat32(Values, Dtype, bytes);
            else for (var i = 0; i < Values.Length; i++) bytes[i * Dtype.ByteSize] = (byte)Values[i];
            return bytes;
        }
    }
}
