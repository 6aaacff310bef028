using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>
/// The downstream tasks: the figures of all models, a row for each metric of a task, and the paired differences from one of them.
/// </summary>
internal static class TaskTables
{
    /// <summary>Appends the section, if models were measured on tasks.</summary>
    public static void Add(Html html, Study study)
    {
        var rows = TaskMeasure.Of(study);
        if (rows.Count == 0) return;
        html.Line($"<section id='tasks'>").Line($"<h2>Downstream tasks</h2>");
        AddFigures(html, study, rows);
        if (rows.Any(row => study.Models.Any(model => row.DifferenceOf(study, model.Name) is not null)))
            AddDifferences(html, study, rows);
        html.Line($"</section>");
    }

    private static void AddFigures(Html html, Study study, IReadOnlyList<TaskMeasure> rows)
    {
        const string caption = "Tasks by model";
        var spread = study.Units.Count == 1 ? "the standard error over the items" : "the standard deviation over the seeds";
        html.Add($"<p>Percent, higher is better, the <b class='best'>best</b> of each row is marked; ± is {spread}. Chance is ")
            .Add($"the accuracy of random choices, and <em>at chance</em> marks figures whose 95\u00a0% interval includes it: ")
            .Line($"the task cannot rank such models.</p>");
        var models = study.Models.Where(model => rows.Any(row => row.Of(model) is not null)).ToList();
        AddHead(html, caption, ["Items", "Chance", .. models.Select(model => model.Name)]);
        foreach (var row in rows)
        {
            var task = models.Select(row.TaskOf).First(score => score is not null)!;
            var examples = task.FewShot > 0 ? $", {task.FewShot}-shot" : "";
            html.Add($"<tr><th scope='row'>{row.Task}<small>{Words(row.Metric)}{examples}</small></th>")
                .Add($"<td>{NumberText.Fixed(task.Items, 0)}</td>")
                .Add($"<td>{(task.Chance is { } chance ? Percent(chance) : "")}</td>");
            var figures = models.Select(model => row.ValueOf(study, model.Name)).ToList();
            foreach (var figure in figures) AddFigure(html, figure, IsBest(figure, figures), task.Chance);
            html.Line($"</tr>");
        }

        html.Line($"</tbody></table></div>");
    }

    private static void AddFigure(Html html, TaskEstimate? figure, bool isBest, double? chance)
    {
        html.Add($"<td class='{(isBest ? "best" : "")}'>{Percent(figure?.Mean ?? double.NaN)}");
        if (isBest) html.Add($"<span class='spoken'> (best)</span>");
        if (figure is not null)
        {
            if (double.IsFinite(figure.Spread)) html.Add($"<small>±\u2009{Percent(figure.Spread)}</small>");
            if (chance is { } level && figure.Includes(level)) html.Add($"<small>at chance</small>");
        }

        html.Add($"</td>");
    }

    private static void AddDifferences(Html html, Study study, IReadOnlyList<TaskMeasure> rows)
    {
        const string caption = "Differences on the same items";
        var seeds = study.Units.Count > 1 ? ", or from those seed by seed where that is wider" : "";
        html.Line($"<h3>{caption}</h3>")
            .Add($"<p>Percentage points by which a model is better than the one named in the row, with the 95\u00a0% interval ")
            .Add($"from the differences item by item{seeds}. p is that of McNemar’s ")
            .Add($"exact test, for figures that count right items. About one in twenty intervals excludes 0 ")
            .Line($"even if no model is better than another.</p>");
        var models = study.Models.Where(model => rows.Any(row => row.DifferenceOf(study, model.Name) is not null)).ToList();
        AddHead(html, caption, [.. models.Select(model => model.Name)]);
        foreach (var row in rows)
        {
            var against = models.Select(model => row.TaskOf(model)?.Against).FirstOrDefault(name => name is not null);
            if (against is null) continue;
            html.Add($"<tr><th scope='row'>{row.Task}<small>{Words(row.Metric)}, against {against}</small></th>");
            foreach (var model in models) AddDifference(html, study, row, model);
            html.Line($"</tr>");
        }

        html.Line($"</tbody></table></div>");
    }

    // An empty cell for the model that others are compared with, and where a model was not measured.
    private static void AddDifference(Html html, Study study, TaskMeasure row, ModelResult model)
    {
        if (row.DifferenceOf(study, model.Name) is not { } difference)
        {
            html.Add($"<td></td>");
            return;
        }

        var hasInterval = double.IsFinite(difference.HalfWidth);
        var isClear = hasInterval && !difference.Includes(0);
        var style = !isClear ? "same" : difference.Mean > 0 ? "better" : "worse";
        html.Add($"<td class='{(isClear ? "clear" : "")}'>{Signed(difference.Mean)}");
        if (hasInterval) html.Add($"<small class='{style}'>{Signed(difference.Low)} to {Signed(difference.High)}</small>");
        if (row.PValuesOf(study, model.Name) is { Count: > 0 } values) html.Add($"<small>{PValues(values)}</small>");
        html.Add($"</td>");
    }

    private static void AddHead(Html html, string caption, IEnumerable<string> columns)
    {
        html.Line($"<div class='scroll' role='region' tabindex='0' aria-label='{caption}'>")
            .Line($"<table class='domains tasks'><caption>{caption}</caption>")
            .Add($"<thead><tr><th scope='col'>Task</th>");
        foreach (var column in columns) html.Add($"<th scope='col'>{column}</th>");
        html.Line($"</tr></thead><tbody>");
    }

    // Where all are equal, none is best.
    private static bool IsBest(TaskEstimate? figure, List<TaskEstimate?> row)
    {
        var means = row.OfType<TaskEstimate>().Select(other => other.Mean).ToList();
        return figure is not null && figure.Mean == means.Max() && figure.Mean > means.Min();
    }

    private static string PValues(IReadOnlyList<double> values)
    {
        var (least, most) = (values.Min(), values.Max());
        return Text(least) == Text(most) ? $"p {Text(least)}" : $"p {Text(least)} to {Text(most)}";

        static string Text(double p) => p < 0.001 ? "< 0.001" : p.ToString("0.000", CultureInfo.InvariantCulture);
    }

    // A metric and its filter, as "exact_match, strict-match".
    private static string Words(string metric) => metric.Replace(",", ", ", StringComparison.Ordinal);

    private static string Percent(double fraction) => NumberText.Fixed(100 * fraction, 1);

    private static string Signed(double fraction) =>
        $"{(Math.Round(100 * fraction, 1) > 0 ? "+" : "")}{Percent(fraction)}";
}
