using System.Text.Json.Nodes;
using Bam.Configuration;
using Bam.Experiments.Recipes;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Configuration;

public sealed class ConfigFileTests
{
    private const string Good = """
        name: first
        batch_size: 1_000
        learning_rate: 3e-4
        sources:
          - {path: data/a, weight: 2}
          - path: /data/b
        """;

    [Fact]
    public void Reads_scalars_lists_sections_and_flattened_groups()
    {
        var config = ConfigFile.Parse<Sample>(Good, "/configs/sample.yaml");
        config.Name.ShouldBe("first");
        config.BatchSize.ShouldBe(1000);
        config.Group.LearningRate.ShouldBe(3e-4);
        config.Group.Dtype.ShouldBe(SampleDtype.Float32);
        config.Sources.Select(s => (s.Path, s.Weight)).ShouldBe([("/configs/data/a", 2.0), ("/data/b", 1.0)]);
        config.Tokens.ShouldBeNull();
    }

    [Theory]
    [InlineData("name: a\nlerning_rate: 1", "f.yaml:2: key 'lerning_rate' is unknown, did you mean 'learning_rate'")]
    [InlineData(
        "name: a\nsources:\n  - path: x\n    wieght: 1", "f.yaml:4: key 'sources[0].wieght' is unknown, did you mean 'weight'")]
    [InlineData("batch_size: 2", "f.yaml:1: key 'name' is missing")]
    [InlineData(
        "name: a\nbatch_size: 0",
        "f.yaml:2: key 'batch_size': expected an integer of at least 1, found '0' (the sequences of a step)")]
    [InlineData("name: a\nbatch_size: 1.5", "expected an integer of at least 1, found '1.5'")]
    [InlineData("name: a\nbatch_size: 3000000000", "expected an integer of at least 1, found '3000000000'")]
    [InlineData("name: a\nbatch_size: [1]", "found a list")]
    [InlineData("name: a\nbatch_size:", "found nothing")]
    [InlineData("name: a\nlearning_rate: -1", "expected a number above 0 and at most 1, found '-1'")]
    [InlineData("name: a\nlearning_rate: .nan", "expected a number above 0 and at most 1, found '.nan'")]
    [InlineData("name: a\ndtype: float64", "expected float32 or bfloat16, found 'float64'")]
    [InlineData("name: a\nsources: {path: x}", "f.yaml:2: key 'sources': expected a list, found keys and values")]
    [InlineData("name: a\nname: b", "is not valid YAML")]
    [InlineData("name: [a", "is not valid YAML")]
    [InlineData("- a", "f.yaml:1: expected keys and values, found something else")]
    [InlineData("", "f.yaml: expected keys and values, found an empty file")]
    [InlineData(
        "name: a\nmodel: {hidden_size: 8,\n  norm_eps: 1e999}",
        "f.yaml:3: expected a finite number, found '1e999'; write another, or put quotes around a text")]
    [InlineData("name: a\nmodel:\n  sizes: [1, NaN]", "f.yaml:3: expected a finite number, found 'NaN'")]
    [InlineData("name: a\nmodel:\n  [b, c]: 1", "f.yaml:3: expected a name as key, found a list")]
    [InlineData("name: a\nlabels:\n  {b: c}: d", "f.yaml:3: key 'labels': expected a name as key, found keys and values")]
    [InlineData("name: a\nsources: [{path: \"\"}]", "f.yaml:2: key 'sources[0].path': expected a path, found an empty text")]
    [InlineData("name: a\ntokens: 7\nsteps: 7", "f.yaml:3: 'tokens' and 'steps' exclude each other")]
    public void Names_the_line_and_the_key_of_a_fault(string yaml, string message) =>
        Should.Throw<InvalidInputException>(() => ConfigFile.Parse<Sample>(yaml, "f.yaml")).Message.ShouldContain(message);

    [Fact]
    public void A_fault_is_one_line() =>
        Should.Throw<InvalidInputException>(() => ConfigFile.Parse<Sample>("name: {a\nb: [", "f.yaml")).Message
            .ShouldNotContain("\n");

    [Fact]
    public void A_missing_file_and_one_that_is_not_utf8_are_faults()
    {
        Should.Throw<InvalidInputException>(() => ConfigFile.Read<Sample>("/nowhere/f.yaml")).Message
            .ShouldContain("/nowhere/f.yaml: expected a YAML file");
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, [0x6E, 0xFF, 0xFE]);
        Should.Throw<InvalidInputException>(() => ConfigFile.Read<Sample>(path)).Message.ShouldContain("UTF-8");
        File.WriteAllText(path, "\uFEFFname: marked\r\n");
        ConfigFile.Read<Sample>(path).Name.ShouldBe("marked");
        File.Delete(path);
    }

    [Fact]
    public void What_is_written_reads_back_equal()
    {
        var config = ConfigFile.Parse<Sample>(
            Good + "\nmodel: {hidden_size: 8, tied: true, text: \"8\", other: null}\nlabels: {\"1\": \"true\", b: \"x: y\"}",
            "/configs/f.yaml");
        var again = ConfigFile.Parse<Sample>(ConfigWriter.Write(config), "/elsewhere/g.yaml");
        ConfigDifference.Between(config, again).ShouldBeNull();
        again.Model!.Json.ShouldBe("""{"hidden_size":8,"tied":true,"text":"8","other":null}""");
        again.Labels.ShouldBe(new Dictionary<string, string> { ["1"] = "true", ["b"] = "x: y" });
    }

    [Fact]
    public void An_inline_text_is_a_path_only_when_it_looks_like_one()
    {
        ConfigFile.Parse<Sample>("name: a\nmodel: small", "/c/f.yaml").Model!.Scalar.ShouldBe("small");
        ConfigFile.Parse<Sample>("name: a\nmodel: ./m", "/c/f.yaml").Model!.Scalar.ShouldBe("/c/m");
        ConfigFile.Parse<Sample>("name: a\nmodel: config.json", "/c/f.yaml").Model!.Scalar.ShouldBe("/c/config.json");
    }

    [Fact]
    public void The_first_difference_that_changes_the_result_is_named()
    {
        var a = ConfigFile.Parse<Sample>(Good, "/configs/f.yaml");
        ConfigDifference.Between(a, a with { LogEvery = 99 }).ShouldBeNull();
        ConfigDifference.Between(a, a with { BatchSize = 2 }).ShouldBe(new ConfigDifference("batch_size", "1000", "2"));
        ConfigDifference.Between(a, a with { Group = a.Group with { LearningRate = 0.5 } })
            .ShouldBe(new ConfigDifference("learning_rate", "0.0003", "0.5"));
        ConfigDifference.Between(a, a with { Sources = [a.Sources[0]] })!.Key.ShouldBe("sources[1]");
        ConfigDifference.Between(a, a with { Sources = [a.Sources[0], a.Sources[1] with { Weight = 3 }] })
            .ShouldBe(new ConfigDifference("sources[1].weight", "1", "3"));
    }

    [Fact]
    public void Merging_keeps_the_lines_and_lets_overrides_win()
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, "defaults:\n  batch_size: 4\n  log_every: 3\nphase:\n  name: a\n  batch_size: 5\n");
        var root = ConfigFile.Load(path);
        var merged = ConfigFile.Merge(
            (YamlDotNet.RepresentationModel.YamlMappingNode)root["defaults"],
            (YamlDotNet.RepresentationModel.YamlMappingNode)root["phase"]);
        var config = ConfigFile.Bind<Sample>(merged, "f.yaml");
        (config.Name, config.BatchSize, config.LogEvery).ShouldBe(("a", 5, 3));

        File.WriteAllText(path, "defaults:\n  batch_size: 0\nphase:\n  name: b\n");
        root = ConfigFile.Load(path);
        merged = ConfigFile.Merge(
            (YamlDotNet.RepresentationModel.YamlMappingNode)root["defaults"],
            (YamlDotNet.RepresentationModel.YamlMappingNode)root["phase"]);
        Should.Throw<InvalidInputException>(() => ConfigFile.Bind<Sample>(merged, "f.yaml")).Message
            .ShouldStartWith("f.yaml:2: key 'batch_size'");
        File.Delete(path);
    }

    [Fact]
    public void The_schema_holds_types_ranges_defaults_and_descriptions()
    {
        var schema = JsonNode.Parse(ConfigSchema.Write<Sample>("A sample"))!;
        schema["title"]!.GetValue<string>().ShouldBe("A sample");
        schema["additionalProperties"]!.GetValue<bool>().ShouldBeFalse();
        schema["required"]!.ToJsonString().ShouldBe("""["name"]""");
        schema["properties"]!["batch_size"]!.ToJsonString()
            .ShouldBe("""{"type":"integer","minimum":1,"description":"the sequences of a step","default":8}""");
        schema["properties"]!["learning_rate"]!["exclusiveMinimum"]!.GetValue<double>().ShouldBe(0);
        schema["properties"]!["dtype"]!["enum"]!.ToJsonString().ShouldBe("""["float32","bfloat16"]""");
        schema["properties"]!["tokens"]!["type"]!.ToJsonString().ShouldBe("""["integer","null"]""");
        schema["properties"]!["sources"]!["items"]!["properties"]!["weight"]!["default"]!.GetValue<double>().ShouldBe(1);
    }

    [Theory]
    [InlineData(typeof(TrainingConfig))]
    [InlineData(typeof(Recipe))]
    public void Every_key_of_a_file_has_a_meaning(Type file) => WithoutMeaning(file).ShouldBeEmpty();

    [Theory]
    [InlineData("abc", "abc", 0)]
    [InlineData("abc", "acb", 1)]
    [InlineData("abc", "ab", 1)]
    [InlineData("abc", "axc", 1)]
    [InlineData("lerning_rate", "learning_rate", 1)]
    [InlineData("", "abc", 3)]
    public void Distance_counts_edits(string a, string b, int distance) => Suggestion.Distance(a, b).ShouldBe(distance);

    private static IEnumerable<string> WithoutMeaning(Type section) => ConfigKey.Of(section)
        .SelectMany(
            key => key.Attribute.Description.Length == 0
                ? [$"{section.Name}.{key.Name}"]
                : SectionsOf(key.Property.PropertyType).SelectMany(WithoutMeaning));

    private static IEnumerable<Type> SectionsOf(Type type) =>
        type.IsGenericType ? type.GetGenericArguments().SelectMany(SectionsOf) : [type];
}

public enum SampleDtype { Float32, Bfloat16 }

internal sealed record SampleSource
{
    [Key("where it lies", IsPath = true, ChangesResult = false)]
    public required string Path { get; init; }

    [Key("its weight", Minimum = 0, AboveMinimum = true)]
    public double Weight { get; init; } = 1;
}

internal sealed record SampleGroup : ICheckedSection
{
    [Key("the peak learning rate", Minimum = 0, AboveMinimum = true, Maximum = 1)]
    public double LearningRate { get; init; } = 1e-3;

    [Key("the arithmetic")]
    public SampleDtype Dtype { get; init; }

    [Key("the budget in tokens", Minimum = 1)]
    public long? Tokens { get; init; }

    [Key("the budget in steps", Minimum = 1)]
    public long? Steps { get; init; }

    public void Check(SectionLocation section)
    {
        if (Tokens is not null && Steps is not null) throw section.Fault("steps", "'tokens' and 'steps' exclude each other");
    }
}

internal sealed record Sample
{
    [Key("what it is called")]
    public required string Name { get; init; }

    [Key("the sequences of a step", Minimum = 1)]
    public int BatchSize { get; init; } = 8;

    [Flattened]
    public required SampleGroup Group { get; init; }

    [Key("what is read")]
    public IReadOnlyList<SampleSource> Sources { get; init; } = [];

    [Key("the sizes, inline or by name", IsPath = true)]
    public InlineValue? Model { get; init; }

    [Key("what things are called")]
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    [Key("the steps between two lines", ChangesResult = false)]
    public int LogEvery { get; init; } = 10;

    public long? Tokens => Group.Tokens;
}
