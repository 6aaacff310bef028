using Bam.Experiments;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Studies;

public sealed class TextDifferenceTests : IDisposable
{
    private const string InWords =
        "the units were measured on different held-out text and cannot be compared (y: 1,000 tokens with seeds 1, 3 and 1,204 "
        + "tokens with seed 2); "
        + "remove the figures of one text and run those units again";

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Units_that_counted_as_many_tokens_do_not_differ() =>
        TextDifference.Of(SmallStudy.Of((9, 10), (9, 11))).ShouldBeEmpty();

    [Fact]
    public void Probes_are_compared_too()
    {
        var study = SmallStudy.Of((9, 10), (9, 11));

        var units = study.Units.Select((unit, i) => unit with
        {
            Probes = ["verse"],
            Models = [.. unit.Models.Select(model => model with { Probes = Verse(tokens: 500 + i) })],
        });

        TextDifference.Of(study with { Units = [.. units] }).ShouldHaveSingleItem().ToString()
            .ShouldBe("verse: 500 tokens with seed 1 and 501 tokens with seed 2");
    }

    [Fact]
    public void The_pages_of_a_study_and_of_a_set_say_which_text_and_units_differ()
    {
        var study = OnOtherText(SmallStudy.Of((9, 10), (9, 11), (9, 12)));
        StudyReport.Write(study, directory.Root);
        SetReport.Write(new StudySet { Name = "set", Studies = [] }, [study], directory.Root);

        foreach (var page in new[] { "small.html", "report.html" })
            File.ReadAllText(directory[page]).ShouldContain($"<p class='warning'>Warning: {InWords}.</p>");
    }

    [Fact]
    public void Running_and_reporting_warn_of_it()
    {
        var recipe = WriteStudy();
        var (run, report) = (new RecordingReporter(), new RecordingReporter());

        ExperimentRun.Open(recipe, directory["out"]).Run([], run, default);
        ResultsArchive.WriteReports(recipe, directory["pages"], report);

        run.Said.ShouldBe([$"small: {InWords}"]);
        report.Said.ShouldBe([$"small: {InWords}"]);
    }

    private string WriteStudy()
    {
        foreach (var domain in new[] { "x", "y" }) File.WriteAllText(directory[$"{domain}.txt"], "some text");
        File.WriteAllText(directory["small.yaml"], """
            random_seeds: [1, 2, 3]
            results: kept
            domains: { x: { files: [x.txt] }, y: { files: [y.txt] } }
            general_domain: x
            model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
            seed: { tokens: 1e6, learning_rate: 2e-3 }
            """);
        var recipe = RecipeReader.Read(directory["small.yaml"]);
        foreach (var unit in OnOtherText(SmallStudy.Of((9, 10), (9, 11), (9, 12))).Units)
        {
            var key = new RecipeUnit(
                recipe.ForSeed(unit.RandomSeed), new PhaseStore(directory["out"]), new FileHashes(directory["inputs.json"])).Key;
            (unit with { Key = key, Models = [unit.Models[0] with { Name = "seed" }] })
                .SaveFile(directory[$"kept/small-seed-{unit.RandomSeed}.json"]);
        }

        return directory["small.yaml"];
    }

    private static Study OnOtherText(Study study) => study with
    {
        Units = [.. study.Units.Select(unit => unit.RandomSeed != 2 ? unit : unit with
        {
            Models = [.. unit.Models.Select(model => model with { Tokens = OtherTokens })],
        })],
    };

    private static Dictionary<string, long> OtherTokens => new() { ["x"] = 1000, ["y"] = 1204 };

    private static Dictionary<string, ProbeResult> Verse(long tokens) => new() { ["verse"] = new(20, 2, tokens) };
}
