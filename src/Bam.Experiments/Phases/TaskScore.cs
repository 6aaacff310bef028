using System.Text.Json.Serialization;
using Bam.Evaluation.Tasks.Running;
using Bam.Evaluation.Tasks.Scoring;

namespace Bam.Experiments.Phases;

/// <summary>The figures of a model on a downstream task.</summary>
internal sealed record TaskScore
{
    /// <summary>The number of few-shot examples before each question.</summary>
    public required int FewShot { get; init; }

    /// <summary>The number of items.</summary>
    public required int Items { get; init; }

    /// <summary>The expected accuracy of choices drawn at random, 0 … 1; null for generated answers.</summary>
    public double? Chance { get; init; }

    /// <summary>The figures by metric, with the filter after a comma: "acc_norm", "exact_match,strict-match".</summary>
    public required IReadOnlyDictionary<string, MetricScore> Metrics { get; init; }

    /// <summary>The figures of each subset; null if the task has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, MetricScore>>? Subsets { get; init; }

    /// <summary>The model that <see cref="MetricScore.Difference"/> is from; null for that model itself.</summary>
    public string? Against { get; init; }

    /// <summary>The figures of a finished task.</summary>
    public static TaskScore Of(TaskResult result, double? chance)
    {
        return new()
        {
            FewShot = result.FewShot,
            Items = result.Items,
            Chance = chance,
            Metrics = ByMetric(result.Figures),
            Subsets = result.Subsets?.ToDictionary(subset => subset.Key, subset => ByMetric(subset.Value)),
        };

        static IReadOnlyDictionary<string, MetricScore> ByMetric(IReadOnlyList<TaskFigure> figures) =>
            figures.ToDictionary(figure => figure.Metric, figure => new MetricScore(figure.Value, figure.StandardError));
    }
}

/// <summary>A mean over items.</summary>
/// <param name="Value">The mean, 0 … 1.</param>
/// <param name="StandardError">Of the mean; null if it cannot be estimated.</param>
internal sealed record MetricScore(double Value, double? StandardError)
{
    /// <summary>
    /// How much better the model is than <see cref="TaskScore.Against"/> on the same items; null for that model itself.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PairedDifference? Difference { get; init; }
}
