using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>
/// Draws the results of recipes: perplexities, probes, tasks, and the claims with their verdicts, or else the observations.
/// </summary>
internal static class StudyView
{
    private const string Missing = "–";

    /// <summary>Draws them, one below the other; <paramref name="directory"/> holds their reports.</summary>
    public static void Draw(IAnsiConsole console, IReadOnlyList<Study> studies, string directory)
    {
        foreach (var study in studies)
        {
            var files = new StudyFiles(study.Recipe, directory);
            if (!study.Recipe.HasOneUnit) console.MarkupLine($"[bold]{ResultText.Label(study.Title)}[/]");
            if (study.Units.Count > 0) DrawTables(console, study);
            if (study.Recipe.HasOneUnit)
            {
                console.MarkupLine($"[grey]results:[/] {ResultText.Label(files.FileOf(study.Recipe.RandomSeed))}");
                console.MarkupLine($"[grey]report:[/]  {ResultText.Label(files.Page)}");
                continue;
            }

            var finished = $"{study.Units.Count} of {study.Recipe.RandomSeeds.Count} seeds";
            console.MarkupLine($"[grey]{ResultText.Label(study.Name)}:[/] {finished}, {ResultText.Label(files.Page)}");
        }

        if (studies.Count > 1)
            console.MarkupLine($"[grey]report:[/] {ResultText.Label(Path.Combine(directory, StudyFiles.ReportName))}");
    }

    private static void DrawTables(IAnsiConsole console, Study study)
    {
        console.Write(Perplexities(study, study.Tables[0]));
        if (study.Units[0].Probes.Count > 0) console.Write(Probes(study));
        if (TaskMeasure.Of(study) is { Count: > 0 } tasks) console.Write(Tasks(study, tasks));
        if (study.Recipe.Claims.Count > 0) console.Write(Claims(study));
        else if (study.Observations is { Count: > 0 } observations) console.Write(Observations(study, observations));
    }

    private static Table Perplexities(Study study, RecipeTable shown)
    {
        var title = study.Recipe.Tables.Count > 0 ? shown.Title : "Perplexity on held-out text";
        var table = new Table().Border(TableBorder.Simple)
            .Title($"{ResultText.Label(title)} (lower is better, * best of the column)")
            .AddColumn("model");
        var figures = ModelFigure.Perplexities(shown.Domains ?? study.Domains);
        foreach (var figure in figures) table.AddColumn(Right(figure.Title));
        if (shown.Against is not null) table.AddColumn(Right($"against {shown.Against}"));
        var columns = figures.Select(figure => shown.Models.Select(model => study.Of(model, figure.Value)).ToList()).ToList();
        foreach (var (row, model) in shown.Models.Index())
        {
            IEnumerable<string> cells = [ResultText.Label(model), .. columns.Select(column => Cell(column[row], column, "0.00"))];
            if (shown.Against is { } against)
                cells = cells.Append(model == against ? "" : Percent(Comparison.Of(study, model, against, figures[^1]).Change));
            table.AddRow([.. cells]);
        }

        return table;
    }

    // There are often more probes than models: here the models are the columns, and the best of each row is marked.
    private static Table Probes(Study study)
    {
        var table = new Table().Border(TableBorder.Simple)
            .Title("Bits per byte of the probes (lower is better, * best of the row)")
            .AddColumn("probe");
        foreach (var model in study.Models) table.AddColumn(Right(model.Name));
        foreach (var figure in ModelFigure.OfProbes(study.Units[0].Probes, probe => probe.BitsPerByte))
        {
            var row = study.Models.Select(model => study.Of(model.Name, figure.Value)).ToList();
            table.AddRow([ResultText.Label(figure.Title), .. row.Select(sample => Cell(sample, row, "0.000"))]);
        }

        return table;
    }

    private static Table Tasks(Study study, IReadOnlyList<TaskMeasure> rows)
    {
        var spread = study.Units.Count == 1 ? "standard error" : "standard deviation over the seeds";
        var table = new Table().Border(TableBorder.Simple)
            .Title($"Downstream tasks, percent ± {spread} (higher is better, * best of the row)")
            .AddColumn("task")
            .AddColumn("metric");
        foreach (var model in study.Models) table.AddColumn(Right(model.Name));
        foreach (var row in rows)
        {
            var figures = study.Models.Select(model => row.ValueOf(study, model.Name)).ToList();
            table.AddRow([
                ResultText.Label(row.Task), ResultText.Label(row.Metric), .. figures.Select(figure => Cell(figure, figures)),
            ]);
        }

        return table;
    }

    private static Table Claims(Study study)
    {
        var table = new Table().Border(TableBorder.Simple)
            .Title("Claims")
            .AddColumn("claim")
            .AddColumn("order")
            .AddColumn(Right("change"))
            .AddColumn(Right("seeds"))
            .AddColumn("verdict");
        foreach (var claim in study.Claims)
        {
            if (claim.Pairs is [var only])
            {
                AddPair(claim.Claim.Says, only);
                continue;
            }

            table.AddRow(ResultText.Label(claim.Claim.Says), "", "", "", "");
            foreach (var pair in claim.Pairs) AddPair("", pair);
        }

        return table;

        void AddPair(string claim, ClaimedPair pair) => table.AddRow(
            ResultText.Label(claim),
            ResultText.Label($"{pair.Better} < {pair.Worse}"),
            Percent(pair.Mean.Change),
            $"{pair.Mean.Held}/{pair.Mean.Count}",
            Coloured(pair.Verdict));
    }

    private static Table Observations(Study study, IReadOnlyList<Comparison> observations)
    {
        var against = observations[0].Against;
        var table = new Table().Border(TableBorder.Simple)
            .Title($"Observations (perplexity against {ResultText.Label(against)})")
            .AddColumn("model")
            .AddColumn("domain")
            .AddColumn(Right(against))
            .AddColumn(Right("model"))
            .AddColumn(Right("change"))
            .AddColumn(study.Units.Count > 1 ? "" : "with one seed");
        foreach (var observation in observations)
        {
            table.AddRow(
                ResultText.Label(observation.Model),
                ResultText.Label(observation.Figure.Title),
                Text(study.Of(observation.Against, observation.Figure.Value), "0.00"),
                Text(study.Of(observation.Model, observation.Figure.Value), "0.00"),
                Percent(observation.Change),
                observation.InWords);
        }

        return table;
    }

    private static TableColumn Right(string title) => new TableColumn(ResultText.Label(title)).RightAligned();

    private static string Coloured(Verdict verdict) => verdict.IsHeld() switch
    {
        true => $"[green]{verdict.InWords()}[/]",
        false => $"[red]{verdict.InWords().ToUpperInvariant()}[/]",
        null => verdict.InWords(),
    };

    // The best is marked; a single model is not.
    private static string Cell(Sample sample, List<Sample> others, string format) =>
        others.Count > 1 && sample.Mean <= others.Min(other => other.Mean)
            ? $"[bold green]{Text(sample, format)}*[/]"
            : $"{Text(sample, format)} ";

    private static string Cell(TaskEstimate? figure, List<TaskEstimate?> row)
    {
        if (figure is null) return Missing;
        var means = row.OfType<TaskEstimate>().Select(other => other.Mean).ToList();
        var spread = double.IsFinite(figure.Spread)
            ? string.Create(CultureInfo.InvariantCulture, $" ± {100 * figure.Spread:0.0}")
            : "";
        var text = string.Create(CultureInfo.InvariantCulture, $"{100 * figure.Mean:0.0}{spread}");
        return figure.Mean == means.Max() && figure.Mean > means.Min() ? $"[bold green]{text}*[/]" : $"{text} ";
    }

    private static string Text(Sample sample, string format)
    {
        if (!double.IsFinite(sample.Mean)) return Missing;
        var mean = sample.Mean.ToString(format, CultureInfo.InvariantCulture);
        return sample.Count < 2 ? mean : $"{mean} ± {sample.StandardDeviation.ToString(format, CultureInfo.InvariantCulture)}";
    }

    private static string Percent(Sample changes) => changes.Count < 2
        ? string.Create(CultureInfo.InvariantCulture, $"{changes.Mean * 100:+0.0;-0.0;0.0} %")
        : string.Create(CultureInfo.InvariantCulture, $"{changes.Mean * 100:+0.0;-0.0;0.0} ± {changes.HalfWidth * 100:0.0} %");
}
