using System.Buffers.Binary;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting;
using Bam.Exporting.Gguf;
using Bam.Tests.Models;
using Bam.Tests.Upcycling;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>Tests GGUF files; eng/check-llama-cpp.sh compares the results in llama.cpp.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class GgufTests : IDisposable
{
    private static readonly string Llama = Fixtures.HuggingFaceModel("llama-gqa");

    private static readonly ModelConfig LlamaForm = TinyModels.Dense with { ParallelBlock = false, NormType = NormType.RmsNorm };

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_llama_has_its_sizes_and_every_tensor()
    {
        var file = Export(Llama);

        using var source = Checkpoint.Open(Llama, SilentReporter.Instance);
        file.Metadata["general.architecture"].ShouldBe("llama");
        file.Metadata["general.file_type"].ShouldBe(0u);
        file.Metadata["llama.embedding_length"].ShouldBe((uint)source.Config.HiddenSize);
        file.Metadata["llama.attention.head_count"].ShouldBe((uint)source.Config.NumAttentionHeads);
        file.Metadata["llama.attention.head_count_kv"].ShouldBe((uint)source.Config.NumKeyValueHeads);
        file.Metadata["llama.rope.freq_base"].ShouldBe((float)source.Config.RopeTheta);
        file.Metadata["llama.attention.layer_norm_rms_epsilon"].ShouldBe((float)source.Config.NormEps);
        file.Metadata["tokenizer.ggml.model"].ShouldBe("none");
        file.Metadata.Keys.ShouldNotContain("llama.expert_count");
        file.Names.Count.ShouldBe(source.Parameters.Count);
        file.ShapeOf("blk.1.ffn_down.weight").ShouldBe([source.Config.HiddenSize, source.Config.IntermediateSize]);
        file.Float32("token_embd.weight").ShouldBe(ExportSources.Numbers(source, "model.embed_tokens.weight"));
        file.Float32("output.weight").ShouldBe(ExportSources.Numbers(source, "lm_head.weight"));
        file.Float32("output_norm.weight").ShouldBe(ExportSources.Numbers(source, "model.norm.weight"));
        file.Float32("blk.0.attn_norm.weight").ShouldBe(ExportSources.Numbers(source, "model.layers.0.input_layernorm.weight"));
        file.Float32("blk.0.ffn_norm.weight")
            .ShouldBe(ExportSources.Numbers(source, "model.layers.0.post_attention_layernorm.weight"));
        file.Float32("blk.0.attn_v.weight").ShouldBe(ExportSources.Numbers(source, "model.layers.0.self_attn.v_proj.weight"));
        file.Float32("blk.1.ffn_down.weight").ShouldBe(ExportSources.Numbers(source, "model.layers.1.mlp.down_proj.weight"));
    }

    [Fact]
    public void Rotary_pairs_become_neighbours_in_queries_and_keys()
    {
        var file = Export(Llama);

        using var source = Checkpoint.Open(Llama, SilentReporter.Instance);
        foreach (var (name, stored) in new[] { ("q_proj", "attn_q"), ("k_proj", "attn_k") })
        {
            var halves = ExportSources.Numbers(source, $"model.layers.0.self_attn.{name}.weight").Chunk(source.Config.HiddenSize)
                .ToArray();
            var neighbours = file.Float32($"blk.0.{stored}.weight").Chunk(source.Config.HiddenSize).ToArray();
            var headDim = source.Config.HeadDim;
            for (var head = 0; head < halves.Length; head += headDim)
            {
                for (var pair = 0; pair < headDim / 2; pair++)
                {
                    neighbours[head + (2 * pair)].ShouldBe(halves[head + pair]);
                    neighbours[head + (2 * pair) + 1].ShouldBe(halves[head + pair + (headDim / 2)]);
                }
            }
        }
    }

    [Fact]
    public void Rows_that_are_neighbours_already_stay()
    {
        var model = Save(LlamaForm with { RopeInterleaved = true });
        var file = Export(model);

        using var source = Checkpoint.Open(model, SilentReporter.Instance);
        file.Float32("blk.0.attn_q.weight").ShouldBe(ExportSources.Numbers(source, "model.layers.0.self_attn.q_proj.weight"));
    }

    [Fact]
    public void Experts_of_a_block_are_stacked()
    {
        var mixture = Mix("btx", new() { Seed = Llama, Experts = [Llama, Llama], TopK = 2, NormTopK = true });
        var file = Export(mixture);

        using var source = Checkpoint.Open(mixture, SilentReporter.Instance);
        file.Metadata["llama.expert_count"].ShouldBe(3u);
        file.Metadata["llama.expert_used_count"].ShouldBe(2u);
        file.ShapeOf("blk.1.ffn_gate_exps.weight").ShouldBe([3, source.Config.IntermediateSize, source.Config.HiddenSize]);
        file.Float32("blk.1.ffn_gate_exps.weight").ShouldBe(
            Enumerable.Range(0, 3).SelectMany(
                expert => ExportSources.Numbers(source, $"model.layers.1.mlp.experts.{expert}.gate_proj.weight")));
        file.Float32("blk.1.ffn_gate_inp.weight").ShouldBe(ExportSources.Numbers(source, "model.layers.1.mlp.router.weight"));
    }

    [Fact]
    public void Biases_go_with_their_projections()
    {
        var model = Save(LlamaForm with { AttentionBias = true, AttentionOutputBias = true, MlpBias = true });
        var file = Export(model);

        using var source = Checkpoint.Open(model, SilentReporter.Instance);
        var (halves, half) = (ExportSources.Numbers(source, "model.layers.0.self_attn.q_proj.bias"), source.Config.HeadDim / 2);
        file.Float32("blk.0.attn_q.bias")[..4].ShouldBe([halves[0], halves[half], halves[1], halves[half + 1]]);
        file.Float32("blk.1.ffn_up.bias").ShouldBe(ExportSources.Numbers(source, "model.layers.1.mlp.up_proj.bias"));
        file.Float32("blk.1.attn_output.bias").ShouldBe(ExportSources.Numbers(source, "model.layers.1.self_attn.o_proj.bias"));
    }

    [Fact]
    public void Scaled_rotary_frequencies_are_divided_by_factors()
    {
        var llama3 = Fixtures.HuggingFaceModel("llama-tied-llama3rope");
        var file = Export(llama3);

        var config = ModelConfigReader.Load(llama3, SilentReporter.Instance);
        file.Names.ShouldNotContain("output.weight");
        var factors = file.Float32("rope_freqs.weight");
        factors.Length.ShouldBe(config.HeadDim / 2);
        factors[0].ShouldBe(1);
        factors[^1].ShouldBe((float)config.RopeScaling!.Factor);
    }

    [Fact]
    public void Linear_scaling_is_a_setting()
    {
        var file = Export(Save(LlamaForm with { RopeScaling = new(RopeScalingType.Linear, 2.5) }));

        file.Metadata["llama.rope.scaling.type"].ShouldBe("linear");
        file.Metadata["llama.rope.scaling.factor"].ShouldBe(2.5f);
        file.Names.ShouldNotContain("rope_freqs.weight");
    }

    [Fact]
    public void A_sliding_window_limits_the_context()
    {
        var reporter = new RecordingReporter();
        var file = Export(Fixtures.HuggingFaceModel("mistral-sliding"), reporter: reporter);

        file.Metadata["llama.context_length"].ShouldBe(7u);
        reporter.Warnings.ShouldContain(
            "llama.cpp knows no sliding window here: the context is 7 tokens, one window, instead of 128");
    }

    [Theory]
    [InlineData(TensorDtype.Float16, 1u)]
    [InlineData(TensorDtype.BFloat16, 30u)]
    public void Half_precision_is_for_matrices(TensorDtype dtype, uint type)
    {
        var file = Export(Llama, new() { Dtype = dtype });

        using var source = Checkpoint.Open(Llama, SilentReporter.Instance);
        file.TypeOf("blk.0.attn_norm.weight").ShouldBe(0u);
        file.TypeOf("token_embd.weight").ShouldBe(type);
        var values = ExportSources.Numbers(source, "model.embed_tokens.weight");
        var bytes = new byte[values.Length * dtype.ByteSize];
        FloatConversion.FromFloat32(values, dtype, bytes);
        file.Bytes("token_embd.weight", bytes.Length).SequenceEqual(bytes).ShouldBeTrue();
    }

    // llama-gqa: hidden size 32, one block per row; intermediate size 48, not a multiple of the block length.
    [Fact]
    public void Eight_bits_are_for_matrices_whose_rows_are_whole_blocks()
    {
        var file = Export(Llama, new() { Quantize = true });

        using var source = Checkpoint.Open(Llama, SilentReporter.Instance);
        file.Metadata["general.file_type"].ShouldBe(7u);
        file.TypeOf("token_embd.weight").ShouldBe(8u);
        file.TypeOf("blk.0.ffn_down.weight").ShouldBe(1u);
        file.TypeOf("output_norm.weight").ShouldBe(0u);
        var expected = ExportSources.Numbers(source, "model.embed_tokens.weight");
        var largest = 0f;
        for (var block = 0; block < expected.Length / 32; block++)
        {
            var stored = file.Bytes("token_embd.weight", expected.Length / 32 * 34).Slice(block * 34, 34);
            var scale = (float)BinaryPrimitives.ReadHalfLittleEndian(stored);
            for (var i = 0; i < 32; i++)
                largest = Math.Max(
                    largest, Math.Abs(((sbyte)stored[2 + i] * scale) - expected[(block * 32) + i]) / Math.Max(scale, 1e-6f));
        }

        largest.ShouldBeInRange(0.01f, 0.57f);  // half a step, and what the rounded scale adds at 127 steps
    }

    [Fact]
    public void A_block_is_a_scale_and_rounded_multiples()
    {
        var values = Enumerable.Range(0, 32).Select(i => i - 20f).ToArray();
        var bytes = new byte[34];

        Q8Block.Quantize(values, bytes);

        BinaryPrimitives.ReadHalfLittleEndian(bytes).ShouldBe((Half)(20f / 127));
        bytes[2..].Select(value => (int)(sbyte)value)
            .ShouldBe(values.Select(value => (int)Math.Round(value * 127 / 20, MidpointRounding.AwayFromZero)));

        Q8Block.Quantize(new float[32], bytes);
        bytes.ShouldAllBe(value => value == 0);
    }

    [Theory]
    [InlineData("bam", "one with attention experts")]
    [InlineData("btx", "one with top-k weights that are not divided by their sum (norm_topk_prob)")]
    public void A_mixture_that_cannot_be_expressed_is_refused(string method, string what)
    {
        var mixture = Mix(method, new() { Seed = Llama, Experts = [Llama] });
        Should.Throw<InvalidInputException>(() => Export(mixture)).Message.ShouldContain(
            $"expected a model that --format gguf can express exactly, found {what}; use --format hf");
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    [Fact]
    public void Other_dtypes_and_shards_are_refused()
    {
        Should.Throw<InvalidInputException>(() => Export(Llama, new() { Dtype = TensorDtype.Float64 })).Message
            .ShouldBe("--dtype: expected float32, float16, bfloat16 or q8_0 for gguf, found float64; name one of these");
        Should.Throw<InvalidInputException>(() => Export(Llama, new() { ShardBytes = 1000 })).Message
            .ShouldBe("--shard-size: expected none with --format gguf, which is one file, found a size; leave it out");
        Should.Throw<InvalidInputException>(
            () => Exporter.Export(
                Llama, ExportFormats.Named("llama"), new() { Quantize = true }, directory["out"],
                SilentReporter.Instance)).Message
            .ShouldBe(
                "--dtype: expected float32, bfloat16, float16 or float64 with --format llama, found q8_0; that is for gguf");
    }

    [Fact]
    public void The_card_says_what_loads_it()
    {
        Export(Llama);
        File.ReadAllText(directory["out/README.md"]).ShouldStartWith("---\nlibrary_name: llama.cpp\n");
    }

    private GgufContent Export(string model, ExportOptions? options = null, IReporter? reporter = null)
    {
        Exporter.Export(model, new GgufFormat(), options ?? new(), directory["out"], reporter ?? SilentReporter.Instance);
        return new(Path.Combine(directory["out"], GgufFormat.FileName));
    }

    private string Mix(string method, MixtureOptions options) => ExportSources.Mix(directory, method, options);

    private string Save(ModelConfig config) => ExportSources.Save(directory, config);
}
