using Bam.Data;
using Bam.Models;
using Bam.Training.Metrics;

namespace Bam.Evaluation;

/// <summary>The domains on which models are measured.</summary>
public sealed class HeldOutDomains : IDisposable
{
    private readonly List<DomainData> domains = [];

    private HeldOutDomains() { }

    /// <summary>The domains, in the order given.</summary>
    public IReadOnlyList<DomainData> Domains => domains;

    /// <summary>Opens domains that <c>bam data build</c> made.</summary>
    /// <param name="directories">Their directories.</param>
    /// <exception cref="InvalidInputException">One is missing or damaged, or two have one name.</exception>
    public static HeldOutDomains Open(IEnumerable<string> directories)
    {
        ArgumentNullException.ThrowIfNull(directories);
        var opened = new HeldOutDomains();
        try
        {
            foreach (var directory in directories) opened.Add(directory);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Measures a model on every domain.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Windows and batches.</param>
    /// <param name="activity">What progress lines call it.</param>
    /// <param name="reporter">Told how far it is.</param>
    /// <param name="cancellation">The wish to stop.</param>
    /// <returns>The figures by domain, in the order of the domains.</returns>
    public IReadOnlyDictionary<string, PerplexityResult> Measure(
        LanguageModel model, PerplexityOptions options, string activity, IReporter reporter, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(reporter);
        var total = domains.Sum(domain => Math.Min(domain.HeldOut.TokenCount - 1, options.MaxTargets ?? long.MaxValue));
        var done = 0L;
        var results = new Dictionary<string, PerplexityResult>();
        foreach (var domain in domains)
        {
            var before = done;
            results[domain.Name] = Perplexity.Measure(model, domain.HeldOut, domain.HeldOutBytes, options, targets =>
            {
                done = before + targets;
                reporter.Advance(new WorkProgress(activity, done, total, "tokens", domain.Name));
            }, cancellation);
        }

        return results;
    }

    /// <summary>The figures in the form of a training's metrics.</summary>
    public static IReadOnlyDictionary<string, DomainEvaluation> AsMetrics(IReadOnlyDictionary<string, PerplexityResult> results) =>
        results.ToDictionary(domain => domain.Key, domain => new DomainEvaluation(domain.Value.Perplexity, domain.Value.Nll, domain.Value.BitsPerByte, domain.Value.Tokens));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var domain in domains) domain.Dispose();
    }

    private void Add(string directory)
    {
        var domain = DomainData.Open(directory);
        domains.Add(domain);
        if (domain.HeldOut.TokenCount < 2)
            throw new InvalidInputException(directory, "a domain with held-out text", "none", "build it with a held-out fraction above 0");
        if (domains.Count(other => other.Name == domain.Name) > 1)
            throw new InvalidInputException($"{directory}: a domain called '{domain.Name}' is there already; build one of them under another name");
    }
}
