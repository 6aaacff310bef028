using System.Text.Json.Serialization;
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
    /// <summary>The items' scores by subset and metric, in the order of the items.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, IReadOnlyList<double>>> Scores { get; private init; } =
        new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<double>>>();

    /// <summary>Whether subsets count by their items or alike.</summary>
    [JsonIgnore]
    public bool WeightByItems { get; private init; }

    /// <summary>Computes the figures of all items of a task.</summary>
    public static TaskResult Of(string name, TaskDefinition task, int fewShot, IReadOnlyList<ItemRecord> items)
    {
        var scores = items.GroupBy(item => item.Subset).ToDictionary(
            group => group.Key, group => (IReadOnlyDictionary<string, IReadOnlyList<double>>)ScoresOf([.. group]));
        var subsets = scores.ToDictionary(subset => subset.Key, subset => FiguresOf(subset.Value));
        var weightByItems = task.SubsetWeights == SubsetWeights.Items;
        var figures = subsets.Count == 1 ? subsets.Values.Single() : Pooled([.. subsets.Values], weightByItems);
        return new(name, fewShot, items.Count, figures, subsets.Count == 1 ? null : subsets)
        {
            Scores = scores, WeightByItems = weightByItems,
        };
    }

    /// <summary>Compares the figures of another model on the same items with these, in their order.</summary>
    public IReadOnlyList<PairedDifference> DifferencesTo(TaskResult other) =>
        [.. Figures.Select(figure => figure.Metric).Select(metric => PairedDifference.Of(
            [.. Scores.Select(subset => (subset.Value[metric], other.Scores[subset.Key][metric]))], WeightByItems))];

    private static Dictionary<string, IReadOnlyList<double>> ScoresOf(IReadOnlyList<ItemRecord> items) =>
        items[0].Scores.Keys.ToDictionary(
            metric => metric, metric => (IReadOnlyList<double>)[.. items.Select(item => item.Scores[metric])]);

    private static IReadOnlyList<TaskFigure> Pooled(IReadOnlyList<IReadOnlyList<TaskFigure>> subsets, bool weightByItems) =>
        [.. subsets[0].Select((first, i) =>
        {
            var scores = subsets.Select(all => new MeanScore(all[i].Value, all[i].StandardError, all[i].Items)).ToList();
            var mean = StandardErrors.Pooled(scores, weightByItems);
            return first with { Value = mean.Value, StandardError = mean.StandardError, Items = mean.Items };
        })];

    private static IReadOnlyList<TaskFigure> FiguresOf(IReadOnlyDictionary<string, IReadOnlyList<double>> scores) =>
        [.. scores.Select(metric =>
        {
            var mean = StandardErrors.Mean(metric.Value);
            return new TaskFigure(metric.Key, mean.Value, mean.StandardError, mean.Items);
        })];
}

/// <summary>A mean over items.</summary>
/// <param name="Metric">The metric, and after a comma the filter if the task has filters.</param>
/// <param name="Value">The mean, 0 … 1.</param>
/// <param name="StandardError">Of the mean; null if it cannot be estimated.</param>
/// <param name="Items">How many items.</param>
internal sealed record TaskFigure(string Metric, double Value, double? StandardError, int Items);
