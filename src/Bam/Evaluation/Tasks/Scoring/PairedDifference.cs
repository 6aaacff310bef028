namespace Bam.Evaluation.Tasks.Scoring;

/// <summary>How much better a model is than another on the same items.</summary>
/// <param name="Value">The difference of the figures; above 0 if the second model is better.</param>
/// <param name="StandardError">
/// Of the difference, from the differences item by item; null if it cannot be estimated. It is smaller than that of independent
/// figures, because both models find the same items hard.
/// </param>
/// <param name="PValue">
/// Of the exact McNemar test, two-sided: how likely items with different outcomes would be divided at least as unevenly if
/// neither model were better; null for scores other than 0 and 1.
/// </param>
internal sealed record PairedDifference(double Value, double? StandardError, double? PValue)
{
    /// <summary>Compares the scores of two models.</summary>
    /// <param name="subsets">The scores of both on the same items, for each subset.</param>
    /// <param name="weightByItems">Whether subsets count by their items or alike.</param>
    public static PairedDifference Of(
        IReadOnlyList<(IReadOnlyList<double> First, IReadOnlyList<double> Second)> subsets, bool weightByItems)
    {
        var means = subsets.Select(scores => StandardErrors.Mean(
            [.. scores.Second.Zip(scores.First, (second, first) => second - first)])).ToList();
        var mean = means.Count == 1 ? means[0] : StandardErrors.Pooled(means, weightByItems);
        var pairs = subsets.SelectMany(scores => scores.First.Zip(scores.Second)).ToList();
        var isBinary = pairs.All(pair => pair.First is 0 or 1 && pair.Second is 0 or 1);
        return new(mean.Value, mean.StandardError, isBinary ? McNemar(pairs) : null);
    }

    private static double McNemar(List<(double First, double Second)> pairs)
    {
        var (worse, better) = (pairs.Count(pair => pair.First > pair.Second), pairs.Count(pair => pair.First < pair.Second));
        var (trials, fewer) = (worse + better, Math.Min(worse, better));
        // 2 · Σ_{i ≤ fewer} C(trials, i) / 2^trials, from the logarithms of the terms
        var (sum, logTerm) = (0.0, -trials * Math.Log(2));
        for (var i = 0; i <= fewer; i++)
        {
            sum += Math.Exp(logTerm);
            logTerm += Math.Log(trials - i) - Math.Log(i + 1);
        }

        return Math.Min(1, 2 * sum);
    }
}
