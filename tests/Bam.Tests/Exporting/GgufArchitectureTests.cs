using Bam.Checkpoints.Opening;
using Bam.Exporting;
using Bam.Tests.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>Tests which architecture of llama.cpp a model gets, and what is special in its file.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class GgufArchitectureTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("llama-gqa", "llama")]
    [InlineData("llama-yarn", "llama")]
    [InlineData("mixtral-top2", "llama")]
    [InlineData("ministral", "llama")]
    [InlineData("ministral3", "mistral3")]
    [InlineData("phi3", "llama")]
    [InlineData("phi3-longrope", "phi3")]
    [InlineData("phi3-partial-rotary-tied", "phi3")]
    [InlineData("gemma3-text-linear", "gemma3")]
    [InlineData("granite-tied-biases", "granite")]
    [InlineData("olmo2", "olmo2")]
    [InlineData("qwen2-bias", "qwen2")]
    [InlineData("qwen3-qknorm", "qwen3")]
    [InlineData("qwen2-moe-shared-expert", "qwen2moe")]
    [InlineData("qwen3-moe", "qwen3moe")]
    [InlineData("starcoder2", "starcoder2")]
    public void A_model_gets_its_architecture(string name, string architecture)
    {
        var file = Export(Fixtures.HuggingFaceModel(name));

        file.Metadata["general.architecture"].ShouldBe(architecture);
        file.Metadata.Keys.ShouldContain($"{architecture}.block_count");
    }

    [Theory]
    [InlineData("gemma2", "another factor of the attention scores (attention_multiplier)")]
    [InlineData("gemma2-no-softcap", "no soft cap of the attention scores")]
    [InlineData("gemma3-text-biases", "a bias of attention's output")]
    [InlineData("llama-yarn-mscale", "rope_scaling yarn with attention_factor ")]
    [InlineData("olmo2-biases-one-kv-head", "a bias of attention's output")]
    [InlineData("olmoe-clip-normalised", "fewer key-value heads than query heads")]
    [InlineData("qwen2-moe-normalised-no-bias", "top-k weights that are divided by their sum (norm_topk_prob)")]
    [InlineData("qwen2-moe-sparse-step", "layers without experts (mlp_only_layers)")]
    [InlineData("smollm3-some-without-rotary", "layers without rotary embedding (no_rope_layers)")]
    [InlineData("starcoder2-window-no-bias", "no bias of attention's output")]
    [InlineData("cohere", "parallel blocks")]
    public void What_llama_cpp_would_compute_otherwise_is_refused(string name, string what) =>
        Should.Throw<InvalidInputException>(() => Export(Fixtures.HuggingFaceModel(name))).Message
            .ShouldContain($"expected a model that --format gguf can express exactly, found one with {what}");

    [Fact]
    public void Norms_of_gemma_hold_the_one_that_is_added()
    {
        var model = Fixtures.HuggingFaceModel("gemma3-text-linear");
        var file = Export(model);

        using var source = Checkpoint.Open(model, SilentReporter.Instance);
        float[] Plus1(string name) => Array.ConvertAll(ExportSources.Numbers(source, name), weight => weight + 1);
        file.Float32("output_norm.weight").ShouldBe(Plus1("model.norm.weight"));
        file.Float32("blk.1.attn_q_norm.weight").ShouldBe(Plus1("model.layers.1.self_attn.q_norm.weight"));
        file.Float32("blk.1.post_attention_norm.weight").ShouldBe(Plus1("model.layers.1.post_attention_layernorm.weight"));
        file.Float32("blk.1.ffn_norm.weight").ShouldBe(Plus1("model.layers.1.pre_feedforward_layernorm.weight"));
        file.Float32("blk.1.post_ffw_norm.weight").ShouldBe(Plus1("model.layers.1.post_feedforward_layernorm.weight"));
        file.Metadata["gemma3.attention.sliding_window"].ShouldBe(7u);
        file.Metadata["gemma3.attention.sliding_window_pattern"].ShouldBe(6u);
        file.Metadata["gemma3.rope.freq_base_swa"].ShouldBe(10_000f);
        file.Metadata["gemma3.context_length"].ShouldBe((uint)source.Config.MaxPositionEmbeddings);
    }

    [Fact]
    public void Gate_and_up_of_phi3_are_one_tensor()
    {
        var model = Fixtures.HuggingFaceModel("phi3-longrope");
        var file = Export(model);

        using var source = Checkpoint.Open(model, SilentReporter.Instance);
        file.ShapeOf("blk.0.ffn_up.weight").ShouldBe([2 * source.Config.IntermediateSize, source.Config.HiddenSize]);
        file.Float32("blk.0.ffn_up.weight").ShouldBe(
            [
                .. ExportSources.Numbers(source, "model.layers.0.mlp.gate_proj.weight"),
                .. ExportSources.Numbers(source, "model.layers.0.mlp.up_proj.weight"),
            ]);
        file.Float32("rope_factors_long.weight").ShouldBe(
            source.Config.RopeScaling!.LongFactor.Select(factor => (float)factor));
        file.Metadata["phi3.rope.scaling.attn_factor"].ShouldBe((float)source.Config.RopeScaling.AttentionFactor);
    }

    [Fact]
    public void A_mixture_of_qwen2_gets_a_shared_expert_that_adds_nothing()
    {
        var qwen2 = Fixtures.HuggingFaceModel("qwen2-bias");
        var mixture = ExportSources.Mix(directory, "btx", new() { Seed = qwen2, Experts = [qwen2], TopK = 2 });
        var file = Export(mixture);

        file.Metadata["general.architecture"].ShouldBe("qwen2moe");
        file.Metadata["qwen2moe.expert_shared_feed_forward_length"].ShouldBe(256u);
        file.Float32("blk.0.ffn_gate_inp_shexp.weight").ShouldAllBe(value => value == 1);
        file.Float32("blk.1.ffn_down_shexp.weight").ShouldAllBe(value => value == 0);
        file.ShapeOf("blk.1.ffn_up_shexp.weight").ShouldBe([256, 32]);
    }

    [Fact]
    public void A_head_that_must_be_there_is_the_embedding_matrix()
    {
        var config = ModelConfigReader.Load(Fixtures.HuggingFaceModel("olmo2"), SilentReporter.Instance);
        var file = Export(ExportSources.Save(directory, config with { TieWordEmbeddings = true }));

        file.Float32("output.weight").ShouldBe(file.Float32("token_embd.weight"));
    }

    [Theory]
    [InlineData("llama-dynamic-within", "llama.cpp knows no dynamic scaling: the context is 64 tokens instead of 256")]
    [InlineData(
        "phi3-longrope-short",
        "llama.cpp chooses between the short and the long factors of longrope by the size of its context, not by the length of "
            + "the input: give it inputs of up to 64 tokens with a context of that size (-c 64)")]
    public void Where_the_context_matters_a_warning_says_so(string name, string warning)
    {
        var reporter = new RecordingReporter();
        Export(Fixtures.HuggingFaceModel(name), reporter);

        reporter.Warnings.ShouldContain(warning);
    }

    private GgufContent Export(string model, IReporter? reporter = null)
    {
        Exporter.Export(model, new GgufFormat(), new(), directory["out"], reporter ?? SilentReporter.Instance);
        return new(Path.Combine(directory["out"], GgufFormat.FileName));
    }
}
