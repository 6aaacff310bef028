using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Exporting;
using Bam.Tests.Checkpoints;
using Bam.Tests.Checkpoints.Adapters;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

/// <summary>Adapters as experts.</summary>
public sealed class AdapterMixtureTests : IDisposable
{
    private static readonly ModelConfig Config = TinyModel.Dense with { TieWordEmbeddings = false };

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("bam")]
    [InlineData("btx")]
    [InlineData("soup")]
    public void A_mixture_of_adapters_is_that_of_the_merged_checkpoints(string method)
    {
        TinyModel.Write(directory["seed"], Config, seed: 1);
        string[] adapted = [.. new[] { "law", "code", "math" }.Select(Adapted)];
        string[] merged = [.. adapted.Select((model, i) => Merged(model, $"merged-{i}"))];
        Mix("of-adapters", adapted);
        Mix("of-merged", merged);
        File.ReadAllBytes(directory["of-adapters/model.safetensors"])
            .ShouldBe(File.ReadAllBytes(directory["of-merged/model.safetensors"]));
        File.ReadAllText(directory["of-adapters/config.json"]).ShouldBe(File.ReadAllText(directory["of-merged/config.json"]));

        var record = JsonNode.Parse(File.ReadAllText(directory["of-adapters/upcycling.json"]))!;
        record["seed"]!.GetValue<string>().ShouldBe(directory["seed"]);
        record["experts"]![1]!.ToJsonString().ShouldBe(
            $$"""{"base":"{{directory["seed"]}}","adapters":["{{directory["code"]}}"]}""");
        MixtureRecord.Read(directory["of-adapters"])!.Models.ShouldBe(["seed", "law", "code", "math"]);

        void Mix(string output, string[] experts) => Upcycler.Mix(
            method, new MixtureOptions { Seed = directory["seed"], Experts = experts }, directory[output],
            SilentReporter.Instance);
    }

    [Fact]
    public void An_adapter_is_an_input_that_no_output_replaces()
    {
        TinyModel.Write(directory["seed"], Config, seed: 1);
        var options = new MixtureOptions { Seed = directory["seed"], Experts = [Adapted("law")] };
        Should.Throw<InvalidInputException>(
                () => Upcycler.Mix("btx", options, directory["law"], SilentReporter.Instance))
            .Message.ShouldBe($"{directory["law"]}: is the input {directory["law"]}; choose another output");
    }

    [Fact]
    public void Two_adapters_of_one_model_are_two_models()
    {
        TinyModel.Write(directory["seed"], Config, seed: 1);
        var reporter = new RecordingReporter();
        string[] experts = [Adapted("law"), Adapted("code"), Adapted("law")];
        Upcycler.Mix("btx", new MixtureOptions { Seed = directory["seed"], Experts = experts }, directory["out"], reporter);
        reporter.Warnings.Where(warning => warning.Contains("twice", StringComparison.Ordinal)).ShouldBe(
            [$"{experts[0]} is given twice, as models 1 and 3: it counts twice in every mean"]);
    }

    private string Adapted(string name)
    {
        if (!Directory.Exists(directory[name]))
        {
            var source = new AdapterSource().With("lora_alpha", name.Length)
                .AddLinear("model.layers.0.self_attn.q_proj", 8, 6).AddLinear("model.layers.1.mlp.up_proj", 5, 6);
            if (name == "math") source.Add($"{AdapterSource.Prefix}lm_head.weight", [7, 6]);
            source.Write(directory[name]);
        }

        return $"{directory["seed"]}+{directory[name]}";
    }

    private string Merged(string model, string output)
    {
        Exporter.Export(model, new MergedFormat(), new ExportOptions(), directory[output], SilentReporter.Instance);
        return directory[output];
    }
}
