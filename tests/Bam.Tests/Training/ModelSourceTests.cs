using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bam.Checkpoints;
using Bam.Configuration;
using Bam.Models.Costs;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

public sealed class ModelSourceTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    [Fact]
    public void The_papers_small_model_has_the_papers_parameters() =>
        ModelSize.Of(ConfigOf("small")).Total.ShouldBe(587_209_728);

    [Fact]
    public void The_papers_large_model_has_about_the_papers_parameters() =>
        ModelSize.Of(ConfigOf("large")).Total.ShouldBeInRange(1_985_000_000, 1_995_000_000);

    [Fact]
    public void A_presets_sizes_can_be_replaced()
    {
        var config = ConfigOf("{preset: small, vocab_size: 2048, num_hidden_layers: 2}");
        config.ShouldBe(ConfigOf("small") with { VocabSize = 2048, NumHiddenLayers = 2 });
    }

    [Fact]
    public void Sizes_come_from_a_config_json_too()
    {
        ConfigOf("{preset: small, vocab_size: 99}").Save(directory.Root);
        ConfigOf("./config.json").VocabSize.ShouldBe(99);
    }

    [Theory]
    [InlineData("smal", "train.yaml:1: key 'config': no preset is called 'smal', did you mean 'small'")]
    [InlineData("{preset: tiny}", "no preset is called 'tiny'")]
    [InlineData("{preset: small, hidden_sise: 8}", "hidden_sise")]
    [InlineData("./nothing.json", "nothing.json")]
    public void What_is_wrong_is_named(string config, string message) =>
        Should.Throw<InvalidInputException>(() => ConfigOf(config)).Message.ShouldContain(message);

    [Fact]
    public void The_hash_follows_the_tensors_and_the_configuration()
    {
        ConfigOf("{preset: small, vocab_size: 99}").Save(directory.Root);
        File.WriteAllText(directory["model.safetensors"], "a");
        var config = Parse("small") with { Config = null, Model = directory.Root };
        var first = ModelSource.HashOf(config);
        File.WriteAllText(directory["notes.txt"], "b");
        ModelSource.HashOf(config).ShouldBe(first);
        File.WriteAllText(directory["model.safetensors"], "b");
        ModelSource.HashOf(config).ShouldNotBe(first);
        ModelSource.HashOf(Parse("small")).ShouldBeNull();
        ModelSource.HashOf(config with { Model = directory["gone"] }).ShouldBeNull();
    }

    [Theory]
    [InlineData("", "model.safetensors")]
    [InlineData("", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")]
    [InlineData("model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")]
    public void Weights_of_the_usual_names_keep_the_hash_that_began_runs_hold(string index, params string[] weights)
    {
        var config = WriteStart(index, weights);

        ModelSource.HashOf(config).ShouldBe(HashOver(["config.json", .. weights]));
    }

    [Fact]
    public void The_hash_follows_weights_of_other_names_and_the_index_that_names_them()
    {
        var config = WriteStart("old.safetensors.index.json", "old-a.safetensors", "old-b.safetensors");
        var first = ModelSource.HashOf(config);
        first.ShouldBe(HashOver(["config.json", "old-a.safetensors", "old-b.safetensors", "old.safetensors.index.json"]));

        File.WriteAllText(directory["old-b.safetensors"], "exchanged");
        var second = ModelSource.HashOf(config);
        second.ShouldNotBe(first);
        WriteIndex("old.safetensors.index.json", "old-b.safetensors");
        ModelSource.HashOf(config).ShouldNotBe(second);
    }

    [Fact]
    public void The_hash_follows_adapters_and_their_order()
    {
        var config = WriteStart("", "model.safetensors");
        foreach (var name in new[] { "law", "code" })
        {
            Directory.CreateDirectory(directory[name]);
            File.WriteAllText(directory[$"{name}/adapter_config.json"], "{}");
            File.WriteAllText(directory[$"{name}/adapter_model.safetensors"], $"the bytes of {name}");
        }

        var alone = ModelSource.HashOf(config);
        var both = Hash("law", "code");
        both.ShouldNotBe(alone);
        Hash("law").ShouldNotBe(both);
        Hash("code", "law").ShouldNotBe(both);
        foreach (var file in new[] { "adapter_config.json", "adapter_model.safetensors" })
        {
            var before = Hash("law", "code");
            File.WriteAllText(directory[$"code/{file}"], "exchanged");
            Hash("law", "code").ShouldNotBe(before);
        }

        ModelSource.HashOf(config with { Model = $"{directory.Root}+{directory["gone"]}" }).ShouldBeNull();

        string Hash(params string[] adapters) => ModelSource.HashOf(
            config with { Model = string.Join('+', [directory.Root, .. adapters.Select(name => directory[name])]) })!;
    }

    [Fact]
    public void The_paths_of_a_model_and_its_adapters_are_relative_to_the_file()
    {
        foreach (var name in new[] { "seed", "law", "a+b" }) Directory.CreateDirectory(directory[name]);
        ModelOf("seed+law").ShouldBe($"{directory["seed"]}+{directory["law"]}");
        ModelOf("a+b+./law").ShouldBe($"{directory["a+b"]}+{directory["law"]}");
        ModelOf("a+b").ShouldBe(directory["a+b"]);
        ModelOf("seed+gone").ShouldBe(directory["seed+gone"]);

        string? ModelOf(string model) => ConfigFile.Parse<TrainingConfig>(
            $"model: {model}\noutput: run\ndata: [{{domain: a, path: a}}]\nsteps: 1\nlearning_rate: 1", directory["train.yaml"])
            .Model;
    }

    [Fact]
    public void The_hash_of_sizes_in_a_file_follows_the_file()
    {
        ConfigOf("{preset: small, vocab_size: 99}").Save(directory.Root);
        var first = ModelSource.HashOf(Parse("./config.json")).ShouldNotBeNull();
        ConfigOf("{preset: small, vocab_size: 100}").Save(directory.Root);
        ModelSource.HashOf(Parse("./config.json")).ShouldNotBe(first);
        ModelSource.HashOf(Parse("./gone.json")).ShouldBeNull();
    }

    public void Dispose() => directory.Dispose();

    private TrainingConfig WriteStart(string index, params string[] weights)
    {
        ConfigOf("{preset: small, vocab_size: 99}").Save(directory.Root);
        foreach (var name in weights) File.WriteAllText(directory[name], $"the bytes of {name}");
        if (index.Length > 0) WriteIndex(index, weights);
        return Parse("small") with { Config = null, Model = directory.Root };
    }

    private void WriteIndex(string index, params string[] weights) =>
        File.WriteAllText(
            directory[index], JsonSerializer.Serialize(new { weight_map = weights.ToDictionary(name => $"a tensor of {name}") }));

    private string HashOver(string[] names)
    {
        var parts = names.Order(StringComparer.Ordinal).Select(
            name => (byte[])[.. Encoding.UTF8.GetBytes(name), .. SHA256.HashData(File.ReadAllBytes(directory[name]))]);
        return Convert.ToHexStringLower(SHA256.HashData([.. parts.SelectMany(part => part)]));
    }

    private ModelConfig ConfigOf(string config) => ModelSource.ConfigOf(Parse(config), SilentReporter.Instance);

    private TrainingConfig Parse(string config) => ConfigFile.Parse<TrainingConfig>(
        $"config: {config}\noutput: run\ndata: [{{domain: a, path: a}}]\nsteps: 1\nlearning_rate: 1", directory["train.yaml"]);
}
