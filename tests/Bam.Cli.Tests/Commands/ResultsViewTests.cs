using Bam.Cli.Commands;
using Bam.Experiments.Findings;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class ResultsViewTests
{
    [Fact]
    public void The_best_is_marked_and_the_change_against_btx_shown()
    {
        var lines = Draw([Model("seed", ModelKind.Seed, 80, 40), Model("btx", ModelKind.Btx, 60, 20), Model("bam", ModelKind.Bam, 57, 21)]);
        lines.ShouldContain(line => line.Contains("model") && line.Contains("law") && line.Contains("mean") && line.Contains("against btx"));
        lines.ShouldContain(line => line.Contains("seed") && line.Contains("80.00") && line.Contains("+50.0 %"));
        lines.ShouldContain(line => line.Contains("btx") && line.Contains("20.00*") && !line.Contains('%'));
        lines.ShouldContain(line => line.Contains("bam") && line.Contains("57.00*") && line.Contains("-2.5 %"));
        lines.ShouldContain(line => line.Contains("held") && line.Contains("bam beats the seed"));
    }

    [Fact]
    public void Without_btx_there_is_nothing_to_compare_with() =>
        Draw([Model("seed", ModelKind.Seed, 80, 40)]).ShouldNotContain(line => line.Contains("against btx"));

    [Fact]
    public void Probes_are_a_table_of_their_own_with_the_best_model_of_each()
    {
        var lines = Draw(
            [
                Model("seed", ModelKind.Seed, 80, 40) with { Probes = new Dictionary<string, ProbeResult> { ["verse"] = new(100, 2.5, 10), ["mixed"] = new(9, 1.25, 10) } },
                Model("bam", ModelKind.Bam, 57, 21) with { Probes = new Dictionary<string, ProbeResult> { ["verse"] = new(110, 2.625, 10) } },
            ],
            "verse", "mixed");

        lines.ShouldContain(line => line.Contains("Bits per byte of the probes"));
        lines.ShouldContain(line => line.Contains("verse") && line.Contains("2.500*") && line.Contains("2.625 "));
        lines.ShouldContain(line => line.Contains("mixed") && line.Contains("1.250") && line.Contains('–'));
        Draw([Model("seed", ModelKind.Seed, 80, 40)]).ShouldNotContain(line => line.Contains("probes"));
    }

    private static string[] Draw(ModelResult[] models, params string[] probes)
    {
        using var text = new StringWriter();
        var results = new Results
        {
            Recipe = "test",
            Created = DateTimeOffset.UnixEpoch,
            Machine = new() { Cpu = "cpu", Cores = 2, Memory = 1, Libtorch = "libtorch", Blas = "blas", Threads = 2 },
            Domains = ["law", "code"],
            Probes = probes,
            Models = models,
            Claims = [new Claim("bam beats the seed", Held: true, "57.00 against 80.00")],
            ResolvedRecipe = "",
        };
        ResultsView.Draw(Consoles.ForResults(text), results, "runs/test");
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
