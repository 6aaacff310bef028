namespace Bam.Evaluation;

/// <summary>Seconds of repeated runs.</summary>
/// <param name="Median">The middle one; of an even number the mean of the two in the middle.</param>
/// <param name="Lowest">The fastest run.</param>
/// <param name="Highest">The slowest run.</param>
internal sealed record Timing(double Median, double Lowest, double Highest)
{
    /// <summary>Of at least one run.</summary>
    public static Timing Of(IEnumerable<double> seconds)
    {
        var sorted = seconds.Order().ToArray();
        return new((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }
}
