using Bam.Experiments.Findings;
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

/// <summary>Two neighbours in a claimed order.</summary>
/// <param name="Better">The one that is claimed to have the lower perplexity.</param>
/// <param name="Worse">The next.</param>
/// <param name="Domains">They in each domain that the claim is about.</param>
/// <param name="Mean">They in the mean over these domains, on which the verdict rests.</param>
internal sealed record PairVerdict(string Better, string Worse, IReadOnlyList<Comparison> Domains, Comparison Mean)
{
    /// <summary>Whether the order holds in the mean over the domains.</summary>
    public Verdict Verdict => Mean.Verdict;

    /// <summary>In how many domains the mean over the units points the claimed way.</summary>
    public int DomainsHeld => Domains.Count(domain => domain.Difference.Mean < 0);

    /// <summary>Compares two models of a study in some domains and in the mean over these.</summary>
    public static PairVerdict Of(Study study, string better, string worse, IReadOnlyList<string> domains)
    {
        ArgumentNullException.ThrowIfNull(study);
        var comparisons = ModelFigure.Perplexities(domains).Select(figure => Comparison.Of(study, better, worse, figure)).ToList();
        return new(better, worse, comparisons[..^1], comparisons[^1]);
    }
}
