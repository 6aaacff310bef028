using Bam.Experiments.Findings;

namespace Bam.Experiments.Studies;

/// <summary>
/// One model against another in one figure, paired by seed number: both descend from the same seed model and see the same windows, so
/// that what a seed number does to both cancels.
/// </summary>
/// <param name="Model">The model.</param>
/// <param name="Against">The other one.</param>
/// <param name="Figure">What is compared.</param>
/// <param name="Difference">Model − other, one value for each unit.</param>
/// <param name="Change">Model ÷ other − 1, one value for each unit.</param>
internal sealed record Comparison(string Model, string Against, ModelFigure Figure, Sample Difference, Sample Change)
{
    /// <summary>In how many units the model is below the other.</summary>
    public int Held => Difference.Values.Count(difference => difference < 0);

    /// <summary>The units.</summary>
    public int Count => Difference.Count;

    /// <summary>Whether the model is below the other, as far as the units can tell.</summary>
    public Verdict Verdict => Verdicts.Of(Difference);

    /// <summary>Compares two models of a study.</summary>
    public static Comparison Of(Study study, string model, string against, ModelFigure figure)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(figure);
        var (ours, theirs) = (study.Of(model, figure.Value), study.Of(against, figure.Value));
        return new(model, against, figure, ours - theirs, Sample.Paired(ours, theirs, (a, b) => (a / b) - 1));
    }
}
