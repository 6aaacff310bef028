using Bam.Cli.Commands;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class StudyViewTests
{
    [Fact]
    public void The_best_is_marked_and_the_change_against_btx_shown()
    {
        var lines = Draw(
            [Model("seed", ModelKind.Seed, 80, 40), Model("btx", ModelKind.Btx, 60, 20), Model("bam", ModelKind.Bam, 57, 21)]);
        lines.ShouldContain(line => HasAll(line, "model", "law", "mean", "against btx"));
        lines.ShouldContain(line => line.Contains("seed") && line.Contains("80.00") && line.Contains("+50.0 %"));
        lines.ShouldContain(line => line.Contains("btx") && line.Contains("20.00*") && !line.Contains('%'));
        lines.ShouldContain(line => line.Contains("bam") && line.Contains("57.00*") && line.Contains("-2.5 %"));
        lines.ShouldContain(line => HasAll(line, "btx beats the seed", "btx < seed", "-33.3 %", "1/1", "held with one seed"));
    }

    [Fact]
    public void Without_btx_there_is_nothing_to_compare_with() =>
        Draw([Model("seed", ModelKind.Seed, 80, 40)]).ShouldNotContain(line => line.Contains("against btx"));

    [Fact]
    public void What_nobody_claimed_is_observed_and_not_judged()
    {
        var lines = Draw([Model("seed", ModelKind.Seed, 80, 40), Model("law", ModelKind.Expert, 90, 20) with { Domain = "law" }]);

        lines.ShouldContain(line => line.Contains("Observations (perplexity against seed)"));
        lines.ShouldContain(line => HasAll(line, "law", "80.00", "90.00", "+12.5 %", "worse"));
        lines.ShouldNotContain(line => line.Contains("held", StringComparison.OrdinalIgnoreCase) && !line.Contains("held-out"));
    }

    [Fact]
    public void Several_seed_numbers_are_means_with_deviations()
    {
        var lines = Draw(
            [Model("seed", ModelKind.Seed, 80, 40), Model("btx", ModelKind.Btx, 60, 20)],
            [Model("seed", ModelKind.Seed, 82, 42), Model("btx", ModelKind.Btx, 62, 20)]);

        lines.ShouldContain(line => line.Contains("btx") && line.Contains("61.00 ± 1.41*") && line.Contains("20.00 ± 0.00*"));
        lines.ShouldContain(line => line.Contains("2 of 2 seeds") && line.Contains("test.html"));
    }

    [Fact]
    public void Probes_are_a_table_of_their_own_with_the_best_model_of_each()
    {
        Dictionary<string, ProbeResult> ofSeed = new() { ["verse"] = new(100, 2.5, 10), ["mixed"] = new(9, 1.25, 10) };
        Dictionary<string, ProbeResult> ofBam = new() { ["verse"] = new(110, 2.625, 10) };
        var lines = Draw(
            [
                Model("seed", ModelKind.Seed, 80, 40) with { Probes = ofSeed },
                Model("bam", ModelKind.Bam, 57, 21) with { Probes = ofBam },
            ],
            "verse", "mixed");

        lines.ShouldContain(line => line.Contains("Bits per byte of the probes"));
        lines.ShouldContain(line => line.Contains("verse") && line.Contains("2.500*") && line.Contains("2.625 "));
        lines.ShouldContain(line => line.Contains("mixed") && line.Contains("1.250") && line.Contains('–'));
        Draw([Model("seed", ModelKind.Seed, 80, 40)]).ShouldNotContain(line => line.Contains("probes"));
    }

    [Fact]
    public void Tasks_are_a_table_of_their_own_with_the_highest_figure_of_each_row_marked()
    {
        var lines = Draw(
            [
                Model("seed", ModelKind.Seed, 80, 40) with { Tasks = Task("piqa", "acc", 0.5) },
                Model("bam", ModelKind.Bam, 57, 21) with { Tasks = Task("piqa", "acc", 0.625) },
                Model("soup", ModelKind.Soup, 70, 41),
            ]);

        lines.ShouldContain(line => line.Contains("Downstream tasks, percent ± standard error"));
        lines.ShouldContain(line => HasAll(line, "piqa", "acc", "50.0 ± 2.5 ", "62.5 ± 2.5*", "–"));
        Draw([Model("seed", ModelKind.Seed, 80, 40)]).ShouldNotContain(line => line.Contains("tasks"));
    }

    private static Dictionary<string, TaskScore> Task(string name, string metric, double value) => new()
    {
        [name] = new()
        {
            FewShot = 0, Items = 400, Metrics = new Dictionary<string, MetricScore> { [metric] = new(value, 0.025) },
        },
    };

    private static bool HasAll(string line, params string[] parts) => parts.All(line.Contains);

    private static string[] Draw(ModelResult[] models, params string[] probes) => Draw([models], probes);

    private static string[] Draw(params ModelResult[][] units) => Draw(units, []);

    private static string[] Draw(ModelResult[][] units, string[] probes)
    {
        using var text = new StringWriter();
        var results = units.Select((models, i) => new Results
        {
            Recipe = "test",
            RandomSeed = i,
            Created = DateTimeOffset.UnixEpoch,
            Machine = new() { Cpu = "cpu", Cores = 2, Memory = 1, Libtorch = "libtorch", Blas = "blas", Threads = 2 },
            Domains = ["law", "code"],
            Probes = probes,
            Tasks = [.. models.SelectMany(model => model.Tasks?.Keys ?? []).Distinct()],
            Models = models,
            ResolvedRecipe = "",
        });
        var recipe = new Recipe
        {
            Name = "test",
            RandomSeeds = units.Length > 1 ? [.. units.Select((_, i) => (long)i)] : [],
            Domains = new Dictionary<string, RecipeDomain> { ["law"] = new() { Files = [] }, ["code"] = new() { Files = [] } },
            Seed = new(),
            Claims = units[0].Any(model => model.Name == "btx")
                ? [new() { Says = "btx beats the seed", Order = ["btx", "seed"] }]
                : [],
        };
        StudyView.Draw(Consoles.ForResults(text), [new Study(recipe, [.. results])], "runs/test");
        return text.ToString().Split('\n');
    }

    private static ModelResult Model(string name, ModelKind kind, double law, double code) => new()
    {
        Name = name,
        Kind = kind,
        Perplexity = new Dictionary<string, double> { ["law"] = law, ["code"] = code },
        BitsPerByte = new Dictionary<string, double>(),
        Tokens = new Dictionary<string, long>(),
        MeanPerplexity = (law + code) / 2,
        ParametersTotal = 1,
        ParametersActive = 1,
        TrainingTokens = 1,
        CoreSeconds = 1,
        TokensPerSecond = 1,
        Flops = 1,
    };
}
