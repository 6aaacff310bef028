using Bam.Experiments.Findings;

namespace Bam.Experiments.Studies;

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
