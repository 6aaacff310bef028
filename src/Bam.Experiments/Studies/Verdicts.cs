namespace Bam.Experiments.Studies;

/// <summary>Verdicts from differences, and in words.</summary>
internal static class Verdicts
{
    /// <summary>What the differences of one model to another say, of which negative ones are hoped for.</summary>
    public static Verdict Of(Sample differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        if (!double.IsFinite(differences.Mean)) return Verdict.NotMeasured;
        var isBelow = differences.Mean < 0;
        if (differences.Count == 1) return isBelow ? Verdict.HeldOnce : Verdict.FailedOnce;
        if (differences.High < 0) return Verdict.Holds;
        if (differences.Low > 0) return Verdict.Contradicted;
        return isBelow ? Verdict.HoldsInMean : Verdict.FailsInMean;
    }

    /// <summary>True where the mean points where it was to point.</summary>
    public static bool Agrees(this Verdict verdict) => verdict < Verdict.NotMeasured;

    /// <summary>The words of tables.</summary>
    public static string InWords(this Verdict verdict) => verdict switch
    {
        Verdict.Holds => "holds",
        Verdict.HoldsInMean => "holds in the mean, interval includes 0",
        Verdict.HeldOnce => "held with one seed, no interval",
        Verdict.FailedOnce => "did not hold with one seed, no interval",
        Verdict.FailsInMean => "does not hold in the mean, interval includes 0",
        Verdict.Contradicted => "contradicted",
        _ => "not measured yet",
    };
}
