using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting;
using Bam.Tests.Models;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>Tests that exported models, which Bam can read, have the same weights.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class ExporterTests : IDisposable
{
    private static readonly string Llama = Fixtures.HuggingFaceModel("llama-gqa");

    private readonly TemporaryDirectory directory = new();

    public static TheoryData<string> HuggingFaceModels => [.. Fixtures.HuggingFaceModels];

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Mixtral_has_the_names_and_the_settings_of_mixtral()
    {
        var mixture = Mix("btx", new() { Seed = Llama, Experts = [Llama, Llama], TopK = 2, NormTopK = true });

        Export(mixture, "mixtral");

        using var exported = Checkpoint.Open(directory["out"], SilentReporter.Instance);
        exported.ModelType.ShouldBe("mixtral");
        exported.Tensors.Keys.ShouldContain("model.layers.1.block_sparse_moe.experts.2.w3.weight");
        exported.Tensors.Keys.ShouldContain("model.layers.0.block_sparse_moe.gate.weight");
        using var source = Checkpoint.Open(mixture, SilentReporter.Instance);
        exported.Config.ShouldBe(source.Config);
        RequireSameNumbers(exported, source);
    }

    [Theory]
    [InlineData("llama-gqa", "llama")]
    [InlineData("llama-tied-llama3rope", "llama")]
    [InlineData("mistral-sliding", "mistral")]
    public void A_dense_model_of_llamas_form_becomes_what_it_was(string name, string modelType)
    {
        Export(Fixtures.HuggingFaceModel(name), "llama");

        using var exported = Checkpoint.Open(directory["out"], SilentReporter.Instance);
        using var source = Checkpoint.Open(Fixtures.HuggingFaceModel(name), SilentReporter.Instance);
        exported.ModelType.ShouldBe(modelType);
        exported.Config.ShouldBe(source.Config);
        exported.Tensors.Keys.ShouldBe(source.Tensors.Keys, ignoreOrder: true);
        RequireSameNumbers(exported, source);
    }

    [Theory, MemberData(nameof(HuggingFaceModels))]
    public void Every_model_can_be_written_with_its_code(string name)
    {
        Export(Fixtures.HuggingFaceModel(name), "hf");

        using var exported = Checkpoint.Open(directory["out"], SilentReporter.Instance);
        using var source = Checkpoint.Open(Fixtures.HuggingFaceModel(name), SilentReporter.Instance);
        exported.ModelType.ShouldBe("bam");
        exported.Config.ShouldBe(source.Config);
        RequireSameNumbers(exported, source);
        var json = JsonNode.Parse(File.ReadAllText(directory["out/config.json"]))!;
        foreach (var (_, target) in json["auto_map"]!.AsObject())
        {
            var (file, type) = ($"{target!.ToString().Split('.')[0]}.py", target.ToString().Split('.')[1]);
            File.ReadAllText(directory[$"out/{file}"]).ShouldContain($"class {type}(");
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("hf")]
    public void All_ends_of_text_go_along(string format)
    {
        var config = ModelConfigReader.Load(Llama, SilentReporter.Instance) with { EosTokenIds = [3, 4] };
        Export(Save(config), format);

        ModelConfigReader.Load(directory["out"], SilentReporter.Instance).EosTokenIds.ShouldBe(config.EosTokenIds);
    }

    // The Python configuration must know every key that Bam writes; otherwise transformers would compute other results.
    [Fact]
    public void The_python_configuration_knows_every_key()
    {
        var model = TinyModels.Biased with
        {
            NumAttentionExperts = 3,
            RopeScaling = new(RopeScalingType.Linear, 2),
            TorchDtype = "float32",
        };
        Export(Save(model), "hf");

        var code = File.ReadAllText(directory["out/configuration_bam.py"]);
        var keys = JsonNode.Parse(File.ReadAllText(directory["out/config.json"]))!.AsObject().Select(pair => pair.Key);
        keys.Except(["model_type", "architectures", "auto_map", "torch_dtype"])
            .ShouldAllBe(key => code.Contains($"        {key}="));
    }

    // Fused projections are not contiguous, so the kernel cannot copy them as one range.
    [Theory]
    [InlineData(TensorDtype.BFloat16)]
    [InlineData(TensorDtype.Float16)]
    public void Half_precision_is_copied_bit_for_bit_from_fused_projections(TensorDtype dtype)
    {
        var fused = Fixtures.HuggingFaceModel("gpt-neox-pythia");
        using (var stored = SafetensorsFile.Open(Path.Combine(fused, WeightSet.SingleFileName)))
        {
            Directory.CreateDirectory(directory["half"]);
            SafetensorsWriter.Write(
                directory[$"half/{WeightSet.SingleFileName}"],
                [.. stored.Tensors.Values.Select(tensor => new TensorDeclaration(tensor.Name, dtype, tensor.Shape))],
                (tensor, stream) =>
                {
                    var (values, bytes) = (new float[tensor.Count], new byte[tensor.ByteLength]);
                    stored.ReadFloat32(tensor.Name, values);
                    FloatConversion.FromFloat32(values, dtype, bytes);
                    stream.Write(bytes);
                });
        }

        File.Copy(Path.Combine(fused, ModelConfig.FileName), directory[$"half/{ModelConfig.FileName}"]);
        Export(directory["half"], "hf");

        using var exported = Checkpoint.Open(directory["out"], SilentReporter.Instance);
        using var source = Checkpoint.Open(fused, SilentReporter.Instance);
        exported.Dtype.ShouldBe(dtype);
        foreach (var parameter in source.Parameters)
        {
            var (found, expected) = (new float[parameter.Count], new float[parameter.Count]);
            exported.ReadFloat32(parameter.Name, found);
            source.ReadFloat32(parameter.Name, expected);
            var rounded = new byte[parameter.Count * dtype.ByteSize];
            FloatConversion.FromFloat32(expected, dtype, rounded);
            FloatConversion.ToFloat32(dtype, rounded, expected);
            found.ShouldBe(expected, parameter.Name);
        }
    }

    [Fact]
    public void Another_dtype_and_shards_are_written_on_request()
    {
        Exporter.Export(
            Llama, ExportFormats.Named("llama"), new() { Dtype = TensorDtype.BFloat16, ShardBytes = 20_000 }, directory["out"],
            SilentReporter.Instance);

        using var exported = Checkpoint.Open(directory["out"], SilentReporter.Instance);
        exported.Dtype.ShouldBe(TensorDtype.BFloat16);
        exported.Config.TorchDtype.ShouldBe("bfloat16");
        exported.Files.Count.ShouldBeGreaterThan(1);
    }

    [Theory]
    [InlineData("btx", "mixtral")]
    [InlineData("bam", "hf")]
    [InlineData("soup", "llama")]
    public void A_mixture_is_written_at_once_as_it_would_be_exported(string method, string form)
    {
        var options = new MixtureOptions
        {
            Seed = Llama,
            Experts = [Llama, Llama],
            TopK = method == "btx" ? 2 : null,
            NormTopK = method == "btx",
        };
        Export(Mix(method, options), form);

        Upcycler.Mix(
            method, options with { Form = ExportFormats.FormNamed(form) }, directory["at-once"], SilentReporter.Instance);

        foreach (var file in Directory.EnumerateFiles(directory["out"]).Where(file => Path.GetFileName(file) != "README.md"))
            File.ReadAllBytes(Path.Combine(directory["at-once"], Path.GetFileName(file))).ShouldBe(File.ReadAllBytes(file), file);
    }

    [Fact]
    public void The_card_names_the_models_it_was_mixed_from_but_not_where_they_lie()
    {
        Export(Mix("btx", new() { Seed = Llama, Experts = [Llama], TopK = 2, NormTopK = true }), "mixtral");

        var card = File.ReadAllText(directory["out/README.md"]);
        card.ShouldStartWith(
            "---\nlibrary_name: transformers\npipeline_tag: text-generation\nbase_model:\n  - \"llama-gqa\"\n  - "
                + "\"llama-gqa\"\ntags:\n  - bam\n  - moe\n  - merge\n---\n");
        card.ShouldContain("Mixed by `bam mix btx` from these models, the seed first:");
        card.ShouldNotContain(Path.GetDirectoryName(Llama)!);
    }

    [Fact]
    public void A_card_calls_models_of_a_recipe_by_their_names()
    {
        var models = new[] { "phases/train-seed-0123456789ab/model", "phases/train-law-0123456789ab/model" };
        foreach (var model in models)
        {
            Directory.CreateDirectory(directory[model]);
            foreach (var file in new[] { ModelConfig.FileName, WeightSet.SingleFileName })
                File.Copy(Path.Combine(Llama, file), directory[$"{model}/{file}"]);
        }

        var mixture = Mix("soup", new() { Seed = directory[models[0]], Experts = [directory[models[1]]] });
        Export(mixture, "llama");

        File.ReadAllText(directory["out/README.md"])
            .ShouldContain("Mixed by `bam mix soup` from these models, the seed first:\n\n- seed\n- law\n");
    }

    [Fact]
    public void A_card_says_how_the_model_was_trained()
    {
        Directory.CreateDirectory(directory["run/model"]);
        foreach (var file in new[] { ModelConfig.FileName, WeightSet.SingleFileName })
            File.Copy(Path.Combine(Llama, file), directory[$"run/model/{file}"]);
        File.WriteAllText(directory["run/config.resolved.yaml"], """
            model: start
            data:
            - { domain: general, path: general, weight: 0.5 }
            - { domain: law, path: law, weight: 2 }
            output: run
            sequence_length: 128
            batch_size: 16
            steps: 1000
            learning_rate: 0.001
            """);

        Export(directory["run/model"], "llama");

        File.ReadAllText(directory["out/README.md"]).ShouldContain(
            "Trained by `bam train` on 2,048,000 tokens:\n\n```yaml\ndomains:\n  general: 0.5\n  law: 2\nsequence_length: "
                + "128\nbatch_size: 16\nlearning_rate: 0.001\n```\n");
    }

    [Theory]
    [InlineData("{broken")]
    [InlineData("[]")]
    [InlineData("{\"seed\": null, \"experts\": []}")]
    public void A_damaged_record_of_the_mixture_is_refused_before_anything_is_written(string json)
    {
        var mixture = Mix("soup", new() { Seed = Llama, Experts = [Llama] });
        File.WriteAllText(Path.Combine(mixture, MixtureRecord.FileName), json);

        Should.Throw<InvalidInputException>(() => Export(mixture, "llama")).Message.ShouldContain("make the mixture again");
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    [Theory]
    [InlineData("bam", "mixtral", "found one with attention experts; use --format hf")]
    [InlineData("btx top-1", "mixtral", "found one with top-k weights that are not divided by their sum (norm_topk_prob)")]
    [InlineData("soup", "mixtral", "found one with a dense feed-forward")]
    [InlineData("btx top-1", "llama", "found one with feed-forward experts")]
    public void A_mixture_that_cannot_be_expressed_is_refused(string kind, string format, string message)
    {
        var mixture = Mix(kind.Split(' ')[0], new() { Seed = Llama, Experts = [Llama] });
        Should.Throw<InvalidInputException>(() => Export(mixture, format)).Message.ShouldContain(message);
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    [Theory]
    [InlineData("cohere", "parallel blocks")]
    [InlineData("gpt-neox-sequential", "LayerNorm")]
    [InlineData("qwen2-bias", "biases of queries, keys and values alone")]
    [InlineData("qwen3-qknorm", "norms of queries and keys")]
    public void A_model_of_another_form_is_no_llama(string name, string what) =>
        Should.Throw<InvalidInputException>(() => Export(Fixtures.HuggingFaceModel(name), "llama")).Message
            .ShouldEndWith(
                $"expected a model that --format llama can express exactly, found one with {what}; use --format hf, which "
                    + "expresses every model of Bam");

    [Fact]
    public void A_directory_with_other_files_is_left_alone()
    {
        Directory.CreateDirectory(directory["out"]);
        File.WriteAllText(directory["out/mine.txt"], "mine");
        Should.Throw<InvalidInputException>(() => Export(Llama, "llama")).Message
            .ShouldContain("expected a new or empty directory");
        File.ReadAllText(directory["out/mine.txt"]).ShouldBe("mine");
    }

    [Fact]
    public void An_unknown_format_is_refused_by_name() =>
        Should.Throw<InvalidInputException>(() => ExportFormats.Named("onnx")).Message
            .ShouldBe(
                "--format: expected hf, mixtral, qwen3_moe, qwen2_moe, olmoe, llama, gguf, found onnx; choose one of these");

    private void Export(string model, string format) =>
        Exporter.Export(model, ExportFormats.Named(format), new(), directory["out"], SilentReporter.Instance);

    private string Mix(string method, MixtureOptions options) => ExportSources.Mix(directory, method, options);

    private string Save(ModelConfig config) => ExportSources.Save(directory, config);

    private static void RequireSameNumbers(Checkpoint exported, Checkpoint source)
    {
        foreach (var parameter in source.Parameters)
            ExportSources.Numbers(exported, parameter.Name)
                .ShouldBe(ExportSources.Numbers(source, parameter.Name), parameter.Name);
    }
}
