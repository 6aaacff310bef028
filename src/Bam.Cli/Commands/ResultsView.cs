using System.Globalization;
using Bam.Experiments.Findings;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Draws what an experiment found: perplexities by model and domain, then what was to be shown.</summary>
internal static class ResultsView
{
    public static void Draw(IAnsiConsole console, Results results, string directory)
    {
        console.Write(Perplexities(results));
        if (results.Probes.Count > 0) console.Write(Probes(results));
        if (results.Claims.Count > 0) console.Write(Verdicts(results.Claims));
        console.MarkupLine($"[grey]results:[/] {ResultText.Label(Path.Combine(directory, Results.FileName))}");
        console.MarkupLine($"[grey]report:[/]  {ResultText.Label(Path.Combine(directory, Experiments.Reporting.Report.FileName))}");
    }

    private static Table Perplexities(Results results) => FigureTable.Create(
        "Perplexity on held-out text (lower is better, * best of the column)",
        [.. results.Models.Select(model => model.Name)],
        [
            .. results.Domains.Select(domain => new FigureColumn(domain, [.. results.Models.Select(model => model.Perplexity[domain])])),
            new FigureColumn("mean", [.. results.Models.Select(model => model.MeanPerplexity)]),
        ],
        "0.00",
        results.Models.FirstOrDefault(model => model.Kind == ModelKind.Btx) is { } reference
            ? [($"against {reference.Name}", [.. results.Models.Select(model => model == reference ? "" : Change(model.MeanPerplexity / reference.MeanPerplexity))])]
            : []);

    // There are often more probes than models: here the models are the columns, and the best of each row is marked.
    private static Table Probes(Results results)
    {
        var table = new Table().Border(TableBorder.Simple).Title("Bits per byte of the probes (lower is better, * best of the row)").AddColumn("probe");
        foreach (var model in results.Models) table.AddColumn(new TableColumn(ResultText.Label(model.Name)).RightAligned());
        foreach (var probe in results.Probes)
        {
            var figures = results.Models.Select(model => model.Probes?.GetValueOrDefault(probe)?.BitsPerByte ?? double.NaN).ToList();
            table.AddRow([ResultText.Label(probe), .. figures.Select(figure => FigureTable.Cell(figure, figures, "0.000"))]);
        }

        return table;
    }

    private static Table Verdicts(IReadOnlyList<Claim> claims)
    {
        var table = new Table().Border(TableBorder.Simple).Title("What the run was to show").AddColumn("").AddColumn("claim").AddColumn("perplexities");
        foreach (var claim in claims)
            table.AddRow(claim.Held ? "[green]held[/]" : "[red]NOT HELD[/]", ResultText.Label(claim.Text), ResultText.Label(claim.Detail));
        return table;
    }

    private static string Change(double ratio) => (ratio - 1).ToString("+0.0 %;-0.0 %;0.0 %", CultureInfo.InvariantCulture);
}
