using System.Text.Json;
using Bam.Files;

namespace Bam.Experiments.Studies;

/// <summary>A study's figures on downstream tasks in machine-readable form.</summary>
internal static class TaskFiles
{
    private const string Head = "study,seed,task,metric,model";

    /// <summary>
    /// Writes one line for each unit, task, metric and model, by RFC 4180. Without tasks it writes nothing and removes the file
    /// of an earlier version of the recipe.
    /// </summary>
    /// <exception cref="WorkFailedException">The file cannot be written or removed.</exception>
    public static void WriteCsv(Study study, string path)
    {
        var measures = TaskMeasure.Of(study);
        if (measures.Count == 0)
        {
            RemoveOld(path);
            return;
        }

        var csv = new CsvText();
        csv.AddLine([
            .. Head.Split(','), "kind", "few_shot", "items", "chance", "value", "standard_error", "against", "difference",
            "difference_standard_error", "p_value",
        ]);
        foreach (var unit in study.Units)
            foreach (var measure in measures)
                foreach (var model in unit.Models)
                {
                    if (measure.Of(model) is not { } score) continue;
                    var task = measure.TaskOf(model)!;
                    csv.AddLine([
                        study.Name, unit.RandomSeed, measure.Task, measure.Metric, model.Name,
                        JsonNamingPolicy.SnakeCaseLower.ConvertName(model.Kind.ToString()), task.FewShot, task.Items,
                        Text(task.Chance), score.Value, Text(score.StandardError), task.Against ?? "",
                        Text(score.Difference?.Value), Text(score.Difference?.StandardError), Text(score.Difference?.PValue),
                    ]);
                }

        AtomicFile.WriteText(path, csv.ToString());

        static object Text(double? number) => number ?? (object)"";
    }

    private static void RemoveOld(string path)
    {
        if (!File.Exists(path) || !IsCsv(path)) return;
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{path}: cannot be removed ({IoFailure.Describe(e)})", e);
        }
    }

    /// <summary>True for a file that <see cref="WriteCsv"/> wrote.</summary>
    internal static bool IsCsv(string path) => InputFile.ReadHead(path).StartsWith($"{Head},", StringComparison.Ordinal);

    /// <summary>One object for each metric of each task, for JSON.</summary>
    public static IEnumerable<object> Describe(Study study) => TaskMeasure.Of(study).Select(measure =>
    {
        var task = study.Models.Select(measure.TaskOf).First(task => task is not null)!;
        return new
        {
            measure.Task,
            measure.Metric,
            task.FewShot,
            task.Items,
            task.Chance,
            Models = study.Models.Where(model => measure.Of(model) is not null).Select(model => new
            {
                Model = model.Name,
                Value = Describe(measure.ValueOf(study, model.Name)),
                measure.TaskOf(model)!.Against,
                Difference = Describe(measure.DifferenceOf(study, model.Name)),
                PValues = measure.PValuesOf(study, model.Name),
            }),
        };
    });

    private static object? Describe(TaskEstimate? estimate) => estimate is null ? null : new
    {
        estimate.Mean,
        estimate.HalfWidth,
        Values = estimate.Values.Values,
        StandardErrors = estimate.ItemErrors.Values,
    };
}
