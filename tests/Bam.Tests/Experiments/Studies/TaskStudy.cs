using Bam.Evaluation.Tasks.Scoring;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Studies;

namespace Bam.Tests.Experiments.Studies;

/// <summary>
/// A <see cref="SmallStudy"/> with two tasks: bam (a) against btx (b) on 400 choices of four, and on generated answers that only
/// b was asked for.
/// </summary>
internal static class TaskStudy
{
    /// <summary>The standard error of every figure.</summary>
    public const double Error = 0.02;

    /// <summary>The standard error of every difference.</summary>
    public const double DifferenceError = 0.01;

    /// <summary>One unit for each pair of accuracies.</summary>
    public static Study Of(params (double A, double B)[] accuracies)
    {
        var study = SmallStudy.Of([.. accuracies.Select(_ => (9.0, 10.0))]);
        return study with { Units = [.. study.Units.Zip(accuracies, Unit)] };
    }

    private static Results Unit(Results unit, (double A, double B) accuracy) => unit with
    {
        Tasks = ["choose", "finish"],
        Models =
        [
            unit.Models[0] with { Tasks = new Dictionary<string, TaskScore> { ["choose"] = Choose(accuracy.A, accuracy.B) } },
            unit.Models[1] with
            {
                Tasks = new Dictionary<string, TaskScore>
                {
                    ["choose"] = Choose(accuracy.B, null),
                    ["finish"] = Score(null, 2, new("f1,words", 0.125, null)),
                },
            },
        ],
    };

    private static TaskScore Choose(double value, double? other) => Score(0.25, 0, new("acc", value, Error)) with
    {
        Against = other is null ? null : "b",
        Metrics = new Dictionary<string, MetricScore>
        {
            ["acc"] = new(value, Error)
            {
                Difference = other is null ? null : new PairedDifference(value - other.Value, DifferenceError, 0.04),
            },
        },
    };

    private static TaskScore Score(double? chance, int fewShot, (string Name, double Value, double? Error) metric) => new()
    {
        FewShot = fewShot,
        Items = 400,
        Chance = chance,
        Metrics = new Dictionary<string, MetricScore> { [metric.Name] = new(metric.Value, metric.Error) },
    };
}
