using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Configuration;
using Bam.Data;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

public class PhaseInputsTests
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly PhaseInputs Base = new()
    {
        Kind = "train",
        Version = 1,
        Settings = new JsonObject { ["rate"] = 0.1, ["steps"] = 3 },
        Files = new Dictionary<string, string> { ["law"] = "aa" },
        Phases = new Dictionary<string, string> { ["seed"] = "bb" },
    };

    public static TheoryData<string> Changes => ["kind", "version", "setting", "new setting", "file", "phase"];

    [Theory]
    [MemberData(nameof(Changes))]
    public void Every_input_changes_the_key(string what)
    {
        var changed = what switch
        {
            "kind" => Base with { Kind = "data" },
            "version" => Base with { Version = 2 },
            "setting" => Base with { Settings = new JsonObject { ["rate"] = 0.2, ["steps"] = 3 } },
            "new setting" => Base with { Settings = new JsonObject { ["rate"] = 0.1, ["steps"] = 3, ["x"] = null } },
            "file" => Base with { Files = new Dictionary<string, string> { ["law"] = "ab" } },
            _ => Base with { Phases = new Dictionary<string, string> { ["seed"] = "bc" } },
        };

        changed.Key().ShouldNotBe(Base.Key());
    }

    [Fact]
    public void The_order_of_settings_does_not_matter() =>
        (Base with { Settings = new JsonObject { ["steps"] = 3, ["rate"] = 0.1 } }).Key().ShouldBe(Base.Key());

    [Fact]
    public void The_key_is_the_documented_one() =>
        // printf '%s' '{"files":{},"kind":"k","phases":{},"settings":{},"version":1}' | sha256sum
        new PhaseInputs { Kind = "k", Version = 1, Settings = [] }.Key()
            .ShouldBe("e136e13adafceae0569c9e0fbc8b8f8309c12f09aed2b4d8a86c939dfc5189c0");

    [Fact]
    public void A_phase_has_no_fields_beside_settings_needs_and_files() =>
        typeof(Phase).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Phase)))
            .SelectMany(type => type.GetFields(Fields | BindingFlags.DeclaredOnly))
            .Select(field => $"{field.DeclaringType!.Name}.{field.Name}").ShouldBeEmpty();

    [Fact]
    public void The_base_holds_nothing_else_that_Run_could_read() =>
        typeof(Phase).GetFields(Fields)
            .Select(field => field.FieldType.Name).Distinct()
            .ShouldBe(["String", "Object", "IReadOnlyList`1", "Int32", "PhaseInputs"], ignoreOrder: true);

    [Fact]
    public void Settings_that_are_not_in_the_key_are_known() =>
        // Sizes and RandomSeed are there as Model and InitSeed, where they matter. The others change speed or messages.
        typeof(Phase).Assembly.GetTypes().Where(type => type.Name.EndsWith("Settings", StringComparison.Ordinal))
            .SelectMany(type => type.GetProperties())
            .Where(property => property.GetCustomAttribute<JsonIgnoreAttribute>() is { Condition: JsonIgnoreCondition.Always })
            .Select(property => $"{property.DeclaringType!.Name}.{property.Name}")
            .ShouldBe(
            [
                "BudgetSettings.ReferenceName", "TokenCostSettings.Threads", "EvaluateSettings.BatchSize",
                "EvaluateSettings.Device", "MixSettings.Device", "TrainSettings.EvaluateBatchSize",
                "TrainSettings.RandomSeed", "TrainSettings.Sizes", "TaskSettings.Device",
            ],
            ignoreOrder: true);

    [Fact]
    public void Every_property_of_the_settings_is_in_the_key() =>
        SettingsJson.Of(new Sample
        {
            TopK = 2,
            Dtype = TrainingDtype.Bfloat16,
            Data = new() { Bos = BeginOfText.Window },
            Text = new() { TextKey = "body" },
        }).ToJsonString().ShouldBe(
            """{"top_k":2,"preset":null,"dtype":"bfloat16","data":{"held_out_fraction":0.05,"held_out_max_tokens":1000000"""
            + ""","near_duplicate_similarity":0.5,"contamination_share":0.2},"text_key":"body"}""");

    private sealed record Sample
    {
        public required int TopK { get; init; }

        public string? Preset { get; init; }

        public required TrainingDtype Dtype { get; init; }

        public required RecipeData Data { get; init; }

        [Flattened]
        public required TextSettings Text { get; init; }
    }
}
