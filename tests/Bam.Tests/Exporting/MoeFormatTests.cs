using Bam.Checkpoints.Opening;
using Bam.Exporting;
using Bam.Models;
using Bam.Tests.Models;
using Bam.Torch;
using Bam.Tests.Upcycling;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>Tests of the forms of Qwen's and OLMo's mixtures; eng/check-transformers.sh compares them in transformers.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class MoeFormatTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("qwen3-moe", "qwen3_moe")]
    [InlineData("qwen3-moe-mlp-only-layers", "qwen3_moe")]
    [InlineData("qwen3-moe-tied-window", "qwen3_moe")]
    [InlineData("qwen2-moe-normalised-no-bias", "qwen2_moe")]
    [InlineData("qwen2-moe-shared-expert", "qwen2_moe")]
    [InlineData("qwen2-moe-sparse-step", "qwen2_moe")]
    [InlineData("qwen2-moe-window", "qwen2_moe")]
    [InlineData("olmoe", "olmoe")]
    [InlineData("olmoe-clip-normalised", "olmoe")]
    [InlineData("mixtral-window-head-dim", "mixtral")]
    public void A_mixture_of_the_family_becomes_what_it_was(string name, string format)
    {
        var model = Fixtures.HuggingFaceModel(name);
        Export(model, format);

        using var exported = Checkpoint.Open(directory["out"], SilentReporter.Instance);
        using var source = Checkpoint.Open(model, SilentReporter.Instance);
        exported.ModelType.ShouldBe(format);
        exported.Config.ShouldBe(source.Config);
        exported.Tensors.Keys.ShouldBe(source.Tensors.Keys, ignoreOrder: true);
        foreach (var parameter in source.Parameters)
            ExportSources.Numbers(exported, parameter.Name)
                .ShouldBe(ExportSources.Numbers(source, parameter.Name), parameter.Name);
    }

    [Theory]
    [InlineData("qwen3-qknorm", "qwen3_moe", true)]
    [InlineData("qwen3-qknorm", "qwen3_moe", false)]
    [InlineData("qwen3-window", "qwen3_moe", true)]
    [InlineData("qwen2-bias", "qwen2_moe", true)]
    [InlineData("qwen2-bias", "qwen2_moe", false)]
    [InlineData("qwen2-window-in-later-layers", "qwen2_moe", false)]
    public void A_mixture_of_dense_models_gives_the_same_logits_bit_for_bit(string name, string format, bool isNormalised)
    {
        LibTorch.Load();
        var model = Fixtures.HuggingFaceModel(name);
        var options = new MixtureOptions { Seed = model, Experts = [model, model], TopK = 2, NormTopK = isNormalised };
        var mixture = ExportSources.Mix(directory, "btx", options);
        if (name == "qwen3-window")
        {
            Should.Throw<InvalidInputException>(() => Export(mixture, format)).Message
                .ShouldContain("found one with a sliding window in some layers (layer_types)");
            return;
        }

        Export(mixture, format);
        Upcycler.Mix(
            "btx", options with { Form = ExportFormats.FormNamed(format) }, directory["at-once"], SilentReporter.Instance);

        using var scope = TensorScope.Open();
        using var expected = ModelCheckpoint.Load(mixture, Device.Cpu, SilentReporter.Instance, withGradients: false);
        var ids = TinyModels.Ids(2, 20);
        foreach (var written in new[] { "out", "at-once" })
        {
            using var found = ModelCheckpoint.Load(directory[written], Device.Cpu, SilentReporter.Instance, withGradients: false);
            (found.Logits(ids) - expected.Logits(ids)).Abs().Max().Item<float>().ShouldBe(0);
        }

        File.ReadAllBytes(directory["at-once/model.safetensors"])
            .ShouldBe(File.ReadAllBytes(directory["out/model.safetensors"]));
    }

    [Fact]
    public void A_shared_expert_that_adds_nothing_makes_a_mixture_a_qwen2_moe()
    {
        var model = Fixtures.HuggingFaceModel("qwen2-bias");
        var mixture = ExportSources.Mix(directory, "btx", new() { Seed = model, Experts = [model], TopK = 1 });
        Export(mixture, "qwen2_moe");

        using var exported = Checkpoint.Open(directory["out"], SilentReporter.Instance);
        exported.Config.SharedExpertIntermediateSize.ShouldBe(256);
        ExportSources.Numbers(exported, "model.layers.1.mlp.shared_expert.down_proj.weight").ShouldAllBe(value => value == 0);
        ExportSources.Numbers(exported, "model.layers.1.mlp.shared_expert_gate.weight").ShouldAllBe(value => value == 1);
    }

    [Theory]
    [InlineData("olmo2", "olmoe", "norms of what the branches add (OLMo 2), where OLMoE norms what they read")]
    [InlineData("llama-gqa", "olmoe", "no norms of queries and keys")]
    [InlineData("llama-gqa", "qwen3_moe", "no norms of queries and keys")]
    [InlineData("qwen3-qknorm", "qwen2_moe", "heads that are not hidden_size / num_attention_heads wide")]
    [InlineData("qwen3-qknorm", "mixtral", "norms of queries and keys")]
    [InlineData("granite", "mixtral", "scaled logits")]
    [InlineData("gemma2", "mixtral", "norms of what the branches add")]
    [InlineData("smollm3-some-without-rotary", "mixtral", "layers without rotary embedding (no_rope_layers)")]
    [InlineData("ministral", "mixtral", "a sliding window in some layers (layer_types)")]
    [InlineData("ministral3", "mixtral", "queries that grow with their position (llama_4_scaling_beta)")]
    public void A_mixture_of_another_form_is_refused(string name, string format, string what)
    {
        var model = Fixtures.HuggingFaceModel(name);
        var mixture = ExportSources.Mix(
            directory, "btx", new() { Seed = model, Experts = [model], TopK = 2, NormTopK = true });

        Should.Throw<InvalidInputException>(() => Export(mixture, format)).Message.ShouldContain(
            $"expected a model that --format {format} can express exactly, found one with {what}");
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    [Fact]
    public void Readers_of_yarn_that_take_another_factor_are_warned_of()
    {
        var reporter = new RecordingReporter();
        Exporter.Export(
            Fixtures.HuggingFaceModel("llama-yarn-attention-factor"), ExportFormats.Named("llama"), new(), directory["out"],
            reporter);

        reporter.Warnings.ShouldContain(
            "rope_scaling: factor = 4: transformers 4.49 to 4.57 take max_position_embeddings / "
                + "original_max_position_embeddings = 1 instead");
    }

    private void Export(string model, string format) =>
        Exporter.Export(model, ExportFormats.Named(format), new(), directory["out"], SilentReporter.Instance);
}
