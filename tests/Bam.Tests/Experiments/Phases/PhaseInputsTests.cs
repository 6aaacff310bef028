using System.Text.Json.Nodes;
using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

public class PhaseInputsTests
{
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
}
