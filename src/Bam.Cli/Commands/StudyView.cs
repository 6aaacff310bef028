using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Draws what studies found: of each its first table, and its claims with verdicts.</summary>
internal static class StudyView
{
    /// <summary>Draws them, one below the other.</summary>
    /// <param name="console">Where.</param>
    /// <param name="studies">In order.</param>
    /// <param name="directory">Where their pages are.</param>
    public static void Draw(IAnsiConsole console, IReadOnlyList<Study> studies, string directory)
    {
        foreach (var study in studies)
        {
            console.MarkupLine($"[bold]{ResultText.Label(study.Title)}[/]");
            if (study.Units.Count > 0) console.Write(Perplexities(study, study.Tables[0]));
            if (study.Units.Count > 0 && study.Recipe.Claims.Count > 0) console.Write(Claims(study));
            console.MarkupLine($"[grey]{ResultText.Label(study.Name)}:[/] {study.Units.Count} of {study.Recipe.RandomSeeds.Count} seeds, {ResultText.Label(Path.Combine(directory, $"{study.Name}.html"))}");
        }

        if (studies.Count > 1) console.MarkupLine($"[grey]report:[/] {ResultText.Label(Path.Combine(directory, StudySetReport.FileName))}");
    }

    private static Table Perplexities(Study study, RecipeTable shown)
    {
        var table = new Table().Border(TableBorder.Simple).Title(ResultText.Label(shown.Title)).AddColumn("model");
        var figures = ModelFigure.Perplexities(shown.Domains ?? study.Domains);
        foreach (var figure in figures) table.AddColumn(new TableColumn(ResultText.Label(figure.Title)).RightAligned());
        if (shown.Against is { } against) table.AddColumn(new TableColumn(ResultText.Label($"against {against}")).RightAligned());
        foreach (var model in shown.Models)
        {
            IEnumerable<string> cells = [model, .. figures.Select(figure => Text(study.Of(model, figure.Value))), .. Change(study, shown, model, figures[^1])];
            table.AddRow([.. cells.Select(ResultText.Label)]);
        }

        return table;
    }

    private static Table Claims(Study study)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("claim").AddColumn(new TableColumn("change").RightAligned())
            .AddColumn(new TableColumn("seeds").RightAligned()).AddColumn("verdict");
        foreach (var claim in study.Claims)
        {
            table.AddRow(ResultText.Label(claim.Claim.Says), "", "", "");
            foreach (var pair in claim.Pairs)
                table.AddRow($"  {ResultText.Label($"{pair.Better} < {pair.Worse}")}", Percent(pair.Mean.Change), $"{pair.Mean.Held}/{pair.Mean.Count}", Coloured(pair.Verdict));
        }

        return table;
    }

    private static IEnumerable<string> Change(Study study, RecipeTable shown, string model, ModelFigure mean)
    {
        if (shown.Against is not { } against) yield break;
        yield return model == against ? "" : Percent(Comparison.Of(study, model, against, mean).Change);
    }

    private static string Coloured(Verdict verdict) => verdict switch
    {
        Verdict.Holds => $"[green]{verdict.InWords()}[/]",
        Verdict.Contradicted => $"[red]{verdict.InWords().ToUpperInvariant()}[/]",
        _ => verdict.InWords(),
    };

    private static string Text(Sample sample) => sample.Count < 2
        ? sample.Mean.ToString("0.00", CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{sample.Mean:0.00} ± {sample.StandardDeviation:0.00}");

    private static string Percent(Sample changes) => changes.Count < 2
        ? string.Create(CultureInfo.InvariantCulture, $"{changes.Mean * 100:+0.0;-0.0;0.0} %")
        : string.Create(CultureInfo.InvariantCulture, $"{changes.Mean * 100:+0.0;-0.0;0.0} ± {changes.HalfWidth * 100:0.0} %");
}
