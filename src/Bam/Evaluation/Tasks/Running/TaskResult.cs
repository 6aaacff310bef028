using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Scoring;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>The figures of a model on a task.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="FewShot">The examples before each question; those of the first subset if they differ.</param>
/// <param name="Items">How many items.</param>
/// <param name="Figures">Of the whole task.</param>
/// <param name="Subsets">Of each subset, if the task has several.</param>
internal sealed record TaskResult(
    string Task, int FewShot, int Items, IReadOnlyList<TaskFigure> Figures,
    IReadOnlyDictionary<string, IReadOnlyList<TaskFigure>>? Subsets)
{
    /// <summary>Computes the figures of all items of a task.</summary>
    public static TaskResult Of(string name, TaskDefinition task, int fewShot, IReadOnlyList<ItemRecord> items)
    {
        var subsets = items.GroupBy(item => item.Subset).ToDictionary(group => group.Key, group => FiguresOf([.. group]));
        if (subsets.Count == 1) return new(name, fewShot, items.Count, subsets.Values.Single(), null);
        var figures = subsets.Values.First().Select((first, i) =>
        {
            var scores = subsets.Values.Select(all => new MeanScore(all[i].Value, all[i].StandardError, all[i].Items)).ToList();
            var mean = StandardErrors.Pooled(scores, task.SubsetWeights == SubsetWeights.Items);
            return first with { Value = mean.Value, StandardError = mean.StandardError, Items = mean.Items };
        });
        return new(name, fewShot, items.Count, [.. figures], subsets);
    }

    private static IReadOnlyList<TaskFigure> FiguresOf(IReadOnlyList<ItemRecord> items) =>
        [.. items[0].Scores.Keys.Select(key =>
        {
            var mean = StandardErrors.Mean([.. items.Select(item => item.Scores[key])]);
            return new TaskFigure(key, mean.Value, mean.StandardError, mean.Items);
        })];
}

/// <summary>A mean over items.</summary>
/// <param name="Metric">The metric, and after a comma the filter if the task has filters.</param>
/// <param name="Value">The mean, 0 … 1.</param>
/// <param name="StandardError">Of the mean; null if it cannot be estimated.</param>
/// <param name="Items">How many items.</param>
internal sealed record TaskFigure(string Metric, double Value, double? StandardError, int Items);
