using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting;
using Bam.Tests.Checkpoints;
using Bam.Tests.Checkpoints.Adapters;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>A checkpoint and its adapter as one checkpoint.</summary>
public sealed class MergedFormatTests : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj";

    private static readonly ModelConfig Untied = TinyModel.Dense with { TieWordEmbeddings = false };

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(TensorDtype.Float32)]
    [InlineData(TensorDtype.BFloat16)]
    [InlineData(TensorDtype.Float16)]
    public void Changed_tensors_are_rounded_once_and_the_others_are_copied(TensorDtype dtype)
    {
        TinyModel.Write(directory["base"], Untied, seed: 1, dtype);
        File.WriteAllText(directory["base/special_tokens_map.json"], "{}");
        File.WriteAllText(directory["base/generation_config.json"], """{"temperature":0.5}""");
        new AdapterSource().AddLinear(Query, 8, 6).Add($"{AdapterSource.Prefix}lm_head.weight", [7, 6])
            .Write(directory["adapter"]);
        Export();

        foreach (var file in new[] { "config.json", "special_tokens_map.json", "generation_config.json" })
            File.ReadAllBytes(directory[$"out/{file}"]).ShouldBe(File.ReadAllBytes(directory[$"base/{file}"]), file);
        using var source = Checkpoint.Open(Model);
        using var before = SafetensorsFile.Open(directory["base/model.safetensors"]);
        using var after = SafetensorsFile.Open(directory["out/model.safetensors"]);
        after.Tensors.Values.OrderBy(tensor => tensor.Offset).Select(tensor => tensor.Name)
            .ShouldBe(before.Tensors.Values.OrderBy(tensor => tensor.Offset).Select(tensor => tensor.Name));
        foreach (var tensor in after.Tensors.Values)
        {
            tensor.Dtype.ShouldBe(dtype);
            var expected = Bytes(before, tensor.Name);
            if (tensor.Name == $"{Query}.weight" || tensor.Name == "lm_head.weight")
                FloatConversion.FromFloat32(ExportSources.Numbers(source, tensor.Name), dtype, expected);
            Bytes(after, tensor.Name).ShouldBe(expected, tensor.Name);
        }
    }

    [Theory]
    [InlineData("gpt-neox-pythia", "lora-fused-and-head")]
    [InlineData("qwen2-bias", "rslora-all-linear-patterns")]
    public void The_family_of_the_base_stays(string model, string adapter)
    {
        var both = $"{Fixtures.HuggingFaceModel(model)}+{Fixtures.Adapter(adapter)}";
        var options = new ExportOptions { ShardBytes = 20_000 };
        Exporter.Export(both, new MergedFormat(), options, directory["out"], SilentReporter.Instance);
        using var merged = Checkpoint.Open(directory["out"]);
        using var source = Checkpoint.Open(both);
        merged.ModelType.ShouldBe(source.ModelType);
        merged.Files.Count.ShouldBeGreaterThan(1);
        merged.Tensors.Keys.Order().ShouldBe(source.Tensors.Keys.Order());
        CheckpointComparison.Of(source, merged, SilentReporter.Instance).IsSame.ShouldBeTrue();
    }

    public static TheoryData<string> Models => [.. Fixtures.HuggingFaceModels];

    /// <summary>An adapter of every matrix that is stored, but not of embeddings, which may be tied.</summary>
    [Theory, MemberData(nameof(Models))]
    public void Every_family_is_merged_as_it_is_stored(string name)
    {
        var fixture = Fixtures.HuggingFaceModel(name);
        var adapter = new AdapterSource();
        var expected = new Dictionary<string, float[]>();
        using (var before = Checkpoint.Open(fixture))
        {
            foreach (var tensor in before.Tensors.Values.Where(tensor => tensor.Shape.Length == 2 && tensor.Shape[0] != 160
                && tensor.Name.EndsWith(".weight", StringComparison.Ordinal)))
            {
                var (module, rows, columns) = (tensor.Name[..^".weight".Length], (int)tensor.Shape[0], (int)tensor.Shape[1]);
                var stored = new float[tensor.Count];
                before.Stored.ReadFloat32(tensor.Name, 0, stored);
                expected[tensor.Name] = adapter.AddLinear(module, rows, columns).Merge(module, stored, rows, columns, 1.5f);
            }
        }

        expected.ShouldNotBeEmpty();
        adapter.Write(directory["adapter"]);
        var both = $"{fixture}+{directory["adapter"]}";
        Exporter.Export(both, new MergedFormat(), new ExportOptions(), directory["out"], SilentReporter.Instance);
        using var merged = Checkpoint.Open(directory["out"]);
        using var source = Checkpoint.Open(both);
        CheckpointComparison.Of(source, merged, SilentReporter.Instance).IsSame.ShouldBeTrue();
        foreach (var (tensor, numbers) in expected)
        {
            var found = new float[numbers.Length];
            merged.Stored.ReadFloat32(tensor, 0, found);
            found.ShouldBe(numbers, tensor);
        }
    }

    [Fact]
    public void A_head_that_the_adapter_unties_is_written_and_declared()
    {
        TinyModel.Write(directory["base"], TinyModel.Dense, seed: 1, TensorDtype.BFloat16);
        new AdapterSource().AddLinear("lm_head", 7, 6).Write(directory["adapter"]);
        Export();
        JsonNode.Parse(File.ReadAllText(directory["out/config.json"]))!["tie_word_embeddings"]!.GetValue<bool>().ShouldBeFalse();
        using var merged = Checkpoint.Open(directory["out"]);
        using var source = Checkpoint.Open(Model);
        merged.Config.TieWordEmbeddings.ShouldBeFalse();
        merged.Tensors["lm_head.weight"].Dtype.ShouldBe(TensorDtype.BFloat16);
        ExportSources.Numbers(merged, "model.embed_tokens.weight")
            .ShouldBe(ExportSources.Numbers(source, "model.embed_tokens.weight"));
        var rounded = new byte[84];
        FloatConversion.FromFloat32(ExportSources.Numbers(source, "lm_head.weight"), TensorDtype.BFloat16, rounded);
        using var file = SafetensorsFile.Open(directory["out/model.safetensors"]);
        Bytes(file, "lm_head.weight").ShouldBe(rounded);
    }

    [Fact]
    public void A_tied_model_that_stays_tied_has_one_matrix()
    {
        TinyModel.Write(directory["base"], TinyModel.Dense, seed: 1);
        new AdapterSource().With("ensure_weight_tying", true).AddLinear("lm_head", 7, 6).Write(directory["adapter"]);
        Export();
        using var merged = Checkpoint.Open(directory["out"]);
        using var source = Checkpoint.Open(Model);
        merged.Tensors.Keys.ShouldNotContain("lm_head.weight");
        CheckpointComparison.Of(source, merged, SilentReporter.Instance).IsSame.ShouldBeTrue();
    }

    [Fact]
    public void The_card_names_base_and_adapter()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        new AdapterSource().AddLinear(Query, 8, 6).Write(directory["adapter"]);
        Export();
        var card = File.ReadAllText(directory["out/README.md"]);
        card.ShouldContain("base_model:\n  - \"base\"\n");
        card.ShouldContain("These LoRA adapters are folded into base, in order:\n\n- ");
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        new AdapterSource().AddLinear(Query, 8, 6).Write(directory["adapter"]);
        Refused(directory["base"], new ExportOptions()).ShouldBe(
            $"--merge: expected BASE+ADAPTER, found {directory["base"]}, a checkpoint alone; name its adapter behind a plus, or "
            + "choose a --format");
        Refused(Model, new ExportOptions { Dtype = TensorDtype.Float16 }).ShouldBe(
            "--dtype: expected none with --merge, which keeps the dtypes of the checkpoint, found float16; choose a --format to "
            + "convert it");
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    [Fact]
    public void A_number_that_no_longer_fits_stops_it()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1, TensorDtype.Float16);
        new AdapterSource().With("lora_alpha", 1e7).AddLinear(Query, 8, 6).Write(directory["adapter"]);
        Refused(Model, new ExportOptions()).ShouldContain("does not fit float16");
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    [Fact]
    public void The_output_does_not_take_the_name_of_the_model()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        new AdapterSource().AddLinear(Query, 8, 6).Write(directory["adapter"]);
        Should.Throw<InvalidInputException>(
            () => Exporter.Export(Model, new MergedFormat(), new ExportOptions(), Model, SilentReporter.Instance))
            .Message.ShouldContain("which would then be meant instead of this model");
        Path.Exists(Model).ShouldBeFalse();
    }

    private string Model => $"{directory["base"]}+{directory["adapter"]}";

    private void Export() =>
        Exporter.Export(Model, new MergedFormat(), new ExportOptions(), directory["out"], SilentReporter.Instance);

    private string Refused(string model, ExportOptions options) => Should.Throw<InvalidInputException>(
        () => Exporter.Export(model, new MergedFormat(), options, directory["out"], SilentReporter.Instance)).Message;

    private static byte[] Bytes(SafetensorsFile file, string name)
    {
        var bytes = new byte[file[name].ByteLength];
        file.ReadBytes(file[name], 0, bytes);
        return bytes;
    }
}
