using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Studies;

/// <summary>A claim with the study's results for each model of its order and the next.</summary>
internal sealed record ClaimResult(RecipeClaim Claim, IReadOnlyList<ClaimedPair> Pairs)
{
    /// <summary>The weakest verdict of the pairs: an order holds if each of its pairs does.</summary>
    public Verdict Verdict => Pairs.Max(pair => pair.Verdict);

    /// <summary>Compares the models of a claim.</summary>
    public static ClaimResult Of(Study study, RecipeClaim claim)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(claim);
        var domains = claim.Domains ?? study.Domains;
        var neighbours = claim.Order.Zip(claim.Order.Skip(1));
        return new(claim, [.. neighbours.Select(pair => ClaimedPair.Of(study, pair.First, pair.Second, domains))]);
    }
}

/// <summary>
/// Two neighbours in a claimed order, of which <paramref name="Better"/> should have the lower perplexity, compared in each
/// domain of the claim and in the mean over these domains, which decides.
/// </summary>
internal sealed record ClaimedPair(string Better, string Worse, IReadOnlyList<Comparison> Domains, Comparison Mean)
{
    /// <summary>Whether the order holds in the mean over the domains.</summary>
    public Verdict Verdict => Mean.Verdict;

    /// <summary>The number of domains in which the mean over the units is as claimed.</summary>
    public int DomainsHeld => Domains.Count(domain => domain.Difference.Mean < 0);

    /// <summary>Compares two models of a study in some domains and in the mean over these.</summary>
    public static ClaimedPair Of(Study study, string better, string worse, IReadOnlyList<string> domains)
    {
        ArgumentNullException.ThrowIfNull(study);
        var comparisons = ModelFigure.Perplexities(domains)
            .Select(figure => Comparison.Of(study, better, worse, figure))
            .ToList();
        return new(better, worse, comparisons[..^1], comparisons[^1]);
    }
}
