using Bam.Experiments.Recipes;

namespace Bam.Experiments.Studies;

/// <summary>A claim and what a study's units say about it.</summary>
/// <param name="Claim">The claim.</param>
/// <param name="Pairs">Each model of its order and the next.</param>
internal sealed record ClaimVerdict(RecipeClaim Claim, IReadOnlyList<PairVerdict> Pairs)
{
    /// <summary>The weakest of the pairs' verdicts: an order holds when all of it does.</summary>
    public Verdict Verdict => Pairs.Max(pair => pair.Verdict);

    /// <summary>Holds a claim against a study.</summary>
    public static ClaimVerdict Of(Study study, RecipeClaim claim)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(claim);
        var domains = claim.Domains ?? study.Domains;
        return new(claim, [.. claim.Order.Zip(claim.Order.Skip(1), (better, worse) => PairVerdict.Of(study, better, worse, domains))]);
    }
}
