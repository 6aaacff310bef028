namespace Bam.Evaluation.Tasks.Scoring;

/// <summary>Means of item scores with their standard errors, as lm-evaluation-harness computes them.</summary>
internal static class StandardErrors
{
    /// <summary>The mean of the scores of at least one item, and the standard error of the mean; null for one item.</summary>
    public static MeanScore Mean(IReadOnlyList<double> scores)
    {
        var mean = scores.Sum() / scores.Count;
        if (scores.Count == 1) return new(mean, null, 1);
        var variance = scores.Sum(score => (score - mean) * (score - mean)) / (scores.Count - 1);
        return new(mean, Math.Sqrt(variance / scores.Count), scores.Count);
    }

    /// <summary>
    /// The mean over subsets, weighted by their items or each alike. The standard error comes from the pooled variance; it is
    /// null if a subset has none.
    /// </summary>
    public static MeanScore Pooled(IReadOnlyList<MeanScore> subsets, bool weightByItems)
    {
        var items = subsets.Sum(subset => subset.Items);
        var mean = weightByItems
            ? subsets.Sum(subset => subset.Value * subset.Items) / items
            : subsets.Sum(subset => subset.Value) / subsets.Count;
        if (subsets.Any(subset => subset.StandardError is null)) return new(mean, null, items);
        var squares = subsets.Sum(subset => (subset.Items - 1.0) * subset.Items * Square(subset.StandardError!.Value));
        return new(mean, Math.Sqrt(squares / (items - subsets.Count) / items), items);
    }

    private static double Square(double value) => value * value;
}

/// <summary>A mean over items.</summary>
/// <param name="Value">The mean.</param>
/// <param name="StandardError">Of the mean; null if it cannot be estimated.</param>
/// <param name="Items">How many items.</param>
internal sealed record MeanScore(double Value, double? StandardError, int Items);
