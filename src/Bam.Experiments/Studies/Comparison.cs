using Bam.Experiments.Findings;

namespace Bam.Experiments.Studies;

/// <summary>
/// Compares two models by one figure, paired by seed number: both descend from the same seed model and see the same
/// windows, so that what a seed number does to both cancels. Difference is model − other, Change model ÷ other − 1, with one
/// value for each unit.
/// </summary>
internal sealed record Comparison(string Model, string Against, ModelFigure Figure, Sample Difference, Sample Change)
{
    // What rounds to 0.0 %.
    private const double SmallestChange = 0.0005;

    /// <summary>In how many units the model is below the other.</summary>
    public int Held => Difference.Values.Count(difference => difference < 0);

    /// <summary>The units.</summary>
    public int Count => Difference.Count;

    /// <summary>The verdict on the claim that the model is below the other.</summary>
    public Verdict Verdict => VerdictExtensions.Of(Difference);

    /// <summary>The comparison in words: "better", "worse", "no clear difference" or "not measured".</summary>
    public string InWords => Verdict switch
    {
        Verdict.HeldOnce or Verdict.FailedOnce when Math.Abs(Change.Mean) < SmallestChange => "no clear difference",
        Verdict.Holds or Verdict.HeldOnce => "better",
        Verdict.Contradicted => "worse",
        Verdict.FailedOnce when Difference.Mean > 0 => "worse",
        Verdict.NotMeasured => "not measured",
        _ => "no clear difference",
    };

    /// <summary>Compares two models of a study.</summary>
    public static Comparison Of(Study study, string model, string against, ModelFigure figure)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(figure);
        var (ours, theirs) = (study.Of(model, figure.Value), study.Of(against, figure.Value));
        return new(model, against, figure, ours - theirs, Sample.Paired(ours, theirs, (a, b) => (a / b) - 1));
    }
}

/// <summary>The verdict on the claim that one model is better than another, from the strongest to the weakest.</summary>
internal enum Verdict
{
    /// <summary>The whole 95 % interval of the difference lies below 0.</summary>
    Holds,

    /// <summary>The mean difference is below 0, and its interval includes 0.</summary>
    HoldsInMean,

    /// <summary>The difference is below 0 with the only seed number there is.</summary>
    HeldOnce,

    /// <summary>There are no figures.</summary>
    NotMeasured,

    /// <summary>The difference is not below 0 with the only seed number there is.</summary>
    FailedOnce,

    /// <summary>The mean difference is not below 0, and its interval includes 0.</summary>
    FailsInMean,

    /// <summary>The whole interval lies above 0.</summary>
    Contradicted,
}

/// <summary>How verdicts are found, and how they are shown.</summary>
internal static class VerdictExtensions
{
    /// <summary>The verdict on the differences of one model to another, which are to be negative.</summary>
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

    /// <summary>True if the mean is as it should be.</summary>
    public static bool Agrees(this Verdict verdict) => verdict < Verdict.NotMeasured;

    /// <summary>
    /// Whether the model is better, if the interval excludes 0 or a single seed number allows no interval; null otherwise.
    /// </summary>
    public static bool? IsHeld(this Verdict verdict) => verdict switch
    {
        Verdict.Holds or Verdict.HeldOnce => true,
        Verdict.Contradicted or Verdict.FailedOnce => false,
        _ => null,
    };

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
