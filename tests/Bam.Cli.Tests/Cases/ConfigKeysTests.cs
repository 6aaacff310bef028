using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class ConfigKeysTests : IDisposable
{
    private readonly CaseFiles files = new("config-keys-of-other-tools");

    public ConfigKeysTests() => FixtureModel.CopyWeights("llama-gqa", Model);

    private string Model => files["model"];

    public void Dispose() => files.Dispose();

    [Fact]
    public void Keys_without_arithmetic_are_passed_over_in_silence() =>
        FixtureModel.ShouldGive(Model, files["expected.safetensors"]).Error.ShouldBe("");

    [Fact]
    public void All_keys_that_may_change_arithmetic_are_named_at_once()
    {
        Set("use_magic", true);
        Set("attention_multiplier", 0.5);
        Set("final_logit_softcapping", 30.0);
        Set("layer_types", new JsonArray("full_attention", "chunked_attention"));
        Set("rope_scaling", new JsonObject { ["rope_type"] = "su", ["factor"] = 4 });
        var run = CommandLineRun.Of("inspect", Model);
        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            $"bam: {Model}/config.json: expected only keys that Bam reads or that change nothing, found layer_types = "
            + "\"chunked_attention\", "
            + "rope_scaling: rope_type = \"su\", use_magic = true, attention_multiplier = 0.5, final_logit_softcapping = 30; "
            + "remove those that change no arithmetic; otherwise Bam cannot run this model\n");
    }

    [Fact]
    public void Dropouts_above_0_are_read_with_one_warning()
    {
        Set("attention_dropout", 0.1);
        Set("resid_pdrop", 0.05);
        FixtureModel.ShouldGive(Model, files["expected.safetensors"]).Error.ShouldBe(
            $"warning: {Model}/config.json: attention_dropout = 0.1, resid_pdrop = 0.05: Bam trains without dropout; nothing "
            + "else depends on it\n");
    }

    [Fact]
    public void A_split_multiplication_gives_the_same()
    {
        Set("pretraining_tp", 2);
        FixtureModel.ShouldGive(Model, files["expected.safetensors"]).Error.ShouldBe("");
    }

    private void Set(string key, JsonNode value)
    {
        var path = files["model/config.json"];
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json[key] = value;
        File.WriteAllText(path, json.ToJsonString());
    }
}
