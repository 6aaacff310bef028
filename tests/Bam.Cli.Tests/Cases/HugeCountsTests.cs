using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>The weights hold 21 tensors. A table that were made would need more memory than the machine has.</summary>
public sealed class HugeCountsTests : IDisposable
{
    private readonly CaseFiles files = new("huge-counts-in-config");

    public HugeCountsTests() => FixtureModel.CopyWeights("llama-gqa", Model);

    private string Model => files["model"];

    private string Config => files["model/config.json"];

    public void Dispose() => files.Dispose();

    [Fact]
    public void Every_verb_names_the_key_and_both_sizes()
    {
        var stored =
            $"bam: {Config}: num_hidden_layers: expected a model that the 21 tensors (25760 numbers) beside it can hold, "
            + "found 2000000000, which asks for 18000000003 tensors (15488000010272 numbers); "
            + "correct it, or copy the weights that belong to it\n";
        var bound =
            $"bam: {Config}: num_hidden_layers: expected a model of at most 200000 tensors, found 2000000000, which asks for "
            + "18000000003; correct it\n";
        (string Message, string[] Arguments)[] verbs =
        [
            (stored, ["inspect", Model]),
            (stored, ["mix", "bam", "--seed", Model, "--expert", Model, "--output", files["out"]]),
            (stored, ["export", Model, "--format", "gguf", "--output", files["out"]]),
            (bound, ["cost", Model]),
            (bound, ["cost", Config]),
            (bound, ["generate", Model, "--prompt", "a"]),
        ];
        foreach (var (message, arguments) in verbs)
        {
            var run = CommandLineRun.Of(arguments);
            run.Status.ShouldBe(2, string.Join(' ', arguments));
            run.Error.ShouldBe(message, string.Join(' ', arguments));
        }
    }

    [Theory]
    [InlineData("num_attention_experts", 16_777_215, "num_attention_experts: expected a model that the 21 tensors")]
    [InlineData("num_local_experts", 16_777_216, "num_local_experts: expected a model that the 21 tensors")]
    [InlineData("num_hidden_layers", 2_000, "num_hidden_layers: expected a model that the 21 tensors")]
    [InlineData(
        "vocab_size", int.MaxValue, "model.safetensors: tensor model.embed_tokens.weight: shape: expected [2147483647, 32]")]
    [InlineData(
        "hidden_size", int.MaxValue, "model.safetensors: tensor model.embed_tokens.weight: shape: expected [160, 2147483647]")]
    public void Every_count_has_a_bound(string key, int value, string message)
    {
        var own = files["own"];
        CommandLineRun.Of("export", FixtureModel.DirectoryOf("llama-gqa"), "--format", "hf", "--output", own).Status.ShouldBe(0);
        var config = Path.Combine(own, "config.json");
        var json = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
        json[key] = value;
        if (key.EndsWith("_experts", StringComparison.Ordinal))
            (json["intermediate_size"], json["num_attention_heads"], json["num_key_value_heads"]) = (1, 1, 1);
        File.WriteAllText(config, json.ToJsonString());
        var run = CommandLineRun.Of("inspect", own);
        run.Status.ShouldBe(2);
        run.Error.ShouldContain(message);
    }

    [Fact]
    public void Sizes_without_weights_have_a_bound()
    {
        var json = JsonNode.Parse(
            File.ReadAllText(Path.Combine(FixtureModel.DirectoryOf("llama-gqa"), "config.json")))!.AsObject();
        (json["vocab_size"], json["hidden_size"]) = (int.MaxValue, int.MaxValue - 3);
        File.WriteAllText(Config, json.ToJsonString());
        var run = CommandLineRun.Of("cost", Config);
        run.Status.ShouldBe(2);
        run.Error.ShouldContain(
            "vocab_size: expected a model of at most 1e+15 parameters, found 2147483647, which makes it 9.2e+18; correct it");
    }

    [Theory]
    [InlineData(
        "bam", "--experts", "2000000000",
        "the mixture's config.json: intermediate_size: expected a fused width over all experts of at most 2147483647, found "
            + "8192000000000")]
    [InlineData(
        "btx", "--experts", "200000",
        "the mixture's config.json: num_local_experts: expected a model of at most 200000 tensors, found 200000, which asks for "
            + "3600039")]
    [InlineData("btx", "--models", "500000000", "--models: expected at most 10000, found 500000000")]
    public void A_mixture_has_the_same_bound(string method, string option, string number, string message)
    {
        var run = CommandLineRun.Of("cost", "small", "--method", method, option, number);
        run.Status.ShouldBe(2);
        run.Error.ShouldContain(message);
    }
}
