using System.Globalization;
using Bam.Evaluation.Tasks.Running;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>
/// The tables of tasks: a row for each figure and a column for each model, the highest of a row marked; and the differences of
/// further models from the first.
/// </summary>
internal static class TaskTable
{
    public static void Write(IAnsiConsole console, TaskEvaluation evaluation)
    {
        WriteFigures(console, evaluation.Models);
        if (evaluation.Differences.Count > 0) WriteDifferences(console, evaluation);
    }

    private static void WriteFigures(IAnsiConsole console, IReadOnlyList<ModelTasks> models)
    {
        var table = new Table().Border(TableBorder.Simple)
            .Title(ResultText.Label("percent, ± standard error (higher is better, * best of the row)"))
            .AddColumn("task").AddColumn("metric").AddColumn(new TableColumn("items").RightAligned());
        foreach (var model in models) table.AddColumn(new TableColumn(ResultText.Label(model.Model)).RightAligned());
        foreach (var (i, task) in models[0].Tasks.Index())
        {
            foreach (var (j, figure) in task.Figures.Index())
            {
                var figures = models.Select(model => model.Tasks[i].Figures[j]).ToList();
                var name = j > 0 ? "" : task.FewShot > 0 ? $"{task.Task}, {task.FewShot}-shot" : task.Task;
                table.AddRow(
                    [ResultText.Label(name), ResultText.Label(figure.Metric), j > 0 ? "" : $"{task.Items}",
                    .. figures.Select(value => Cell(value, figures))]);
            }
        }

        console.Write(table);
    }

    private static void WriteDifferences(IAnsiConsole console, TaskEvaluation evaluation)
    {
        var table = new Table().Border(TableBorder.Simple)
            .Title(ResultText.Label($"difference from {evaluation.Models[0].Model} on the same items, in points (p: McNemar)"))
            .AddColumn("task").AddColumn("metric");
        foreach (var model in evaluation.Models.Skip(1))
            table.AddColumn(new TableColumn(ResultText.Label(model.Model)).RightAligned());
        foreach (var row in evaluation.Differences.GroupBy(difference => (difference.Task, difference.Metric)))
            table.AddRow([ResultText.Label(row.Key.Task), ResultText.Label(row.Key.Metric), .. row.Select(Cell)]);
        console.Write(table);
    }

    private static string Cell(TaskDifference difference)
    {
        var error = difference.StandardError is { } value
            ? string.Create(CultureInfo.InvariantCulture, $" ± {100 * value:0.00}")
            : "";
        var test = difference.PValue is { } p ? string.Create(CultureInfo.InvariantCulture, $" (p {p:0.000})") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{100 * difference.Value:+0.00;−0.00;0.00}{error}{test}");
    }

    // A single model is not marked.
    private static string Cell(TaskFigure figure, List<TaskFigure> row)
    {
        var error = figure.StandardError is { } value
            ? string.Create(CultureInfo.InvariantCulture, $" ± {100 * value:0.00}")
            : "";
        var text = string.Create(CultureInfo.InvariantCulture, $"{100 * figure.Value:0.00}{error}");
        return row.Count > 1 && figure.Value >= row.Max(other => other.Value) ? $"[bold green]{text}*[/]" : $"{text} ";
    }
}
