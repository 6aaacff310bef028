using System.Text.Json;
using Bam.Experiments.Phases;
using Bam.Models;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

public sealed class CheckpointPhaseTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly string keyOfBefore;

    public CheckpointPhaseTests()
    {
        (ModelPresets.All["small"] with { EosTokenIds = [2], PadTokenId = 5 }).Save(directory.Root);
        foreach (var shard in (int[])[1, 2])
            File.WriteAllText(directory[$"model-0000{shard}-of-00002.safetensors"], $"the bytes of shard {shard}");
        keyOfBefore = Key;
    }

    private PhaseInputs Inputs => new CheckpointPhase("seed", directory.Root, new FileHashes(directory["inputs"])).Inputs;

    private string Key => Inputs.Key();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"eos_token_id": 2, "temperature": 0.5}""")]
    [InlineData("""{"eos_token_id": [2]}""")]
    [InlineData("""{"eos_token_id": 999999}""")]
    public void Settings_of_generation_without_further_ends_of_text_change_no_key(string settings)
    {
        File.WriteAllText(directory["generation_config.json"], settings);

        Key.ShouldBe(keyOfBefore);
    }

    [Fact]
    public void Further_ends_of_text_are_part_of_the_key()
    {
        File.WriteAllText(directory["generation_config.json"], """{"eos_token_id": [2, 7]}""");

        Inputs.Settings.ToJsonString().ShouldBe("""{"eos_token_id":[2,7]}""");
        Key.ShouldNotBe(keyOfBefore);
    }

    [Fact]
    public void An_index_is_part_of_the_key_where_it_decides_which_files_are_read()
    {
        WriteIndex("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
        Key.ShouldBe(keyOfBefore);

        WriteIndex("model-00002-of-00002.safetensors");
        Key.ShouldNotBe(keyOfBefore);
        Inputs.Files.Keys.ShouldContain("model.safetensors.index.json");
    }

    [Fact]
    public void Adapters_are_part_of_the_key_and_of_the_model()
    {
        foreach (var name in new[] { "law", "code" })
        {
            Directory.CreateDirectory(directory[name]);
            File.WriteAllText(directory[$"{name}/adapter_config.json"], "{}");
            File.WriteAllText(directory[$"{name}/adapter_model.safetensors"], $"the bytes of {name}");
        }

        var both = $"{directory.Root}+{directory["law"]}+{directory["code"]}";
        var keys = new[] { directory.Root, $"{directory.Root}+{directory["law"]}", both, Both("code", "law") }
            .Select(model => Phase(model).Key).ToList();
        keys[0].ShouldBe(keyOfBefore);
        keys.Distinct().Count().ShouldBe(4);
        Phase(both).ModelIn(new PhaseStore(directory["run"])).ShouldBe(both);
        Phase(directory.Root).ModelIn(new PhaseStore(directory["run"])).ShouldBe(directory.Root);
        var twice = Both("law", "law");
        Phase(twice).ModelIn(new PhaseStore(directory["run"])).ShouldBe(twice);

        File.WriteAllText(directory["code/adapter_config.json"], """{"r": 8}""");
        Phase(both).Key.ShouldNotBe(keys[2]);
        Phase(both).Inputs.Files.Keys.Where(role => role.StartsWith("adapter", StringComparison.Ordinal)).ShouldBe([
            "adapter 1: adapter_config.json", "adapter 1: adapter_model.safetensors",
            "adapter 2: adapter_config.json", "adapter 2: adapter_model.safetensors",
        ]);

        string Both(string first, string second) => $"{directory.Root}+{directory[first]}+{directory[second]}";

        CheckpointPhase Phase(string model) => new("seed", model, new FileHashes(directory["inputs"]));
    }

    private void WriteIndex(params string[] weights)
    {
        var index = new { weight_map = weights.ToDictionary(name => $"a tensor of {name}") };
        File.WriteAllText(directory["model.safetensors.index.json"], JsonSerializer.Serialize(index));
    }
}
