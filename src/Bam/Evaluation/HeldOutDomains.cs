using Bam.Data;
using Bam.Models;
using Bam.Training.Metrics;

namespace Bam.Evaluation;

/// <summary>The domains on which models are measured.</summary>
public sealed class HeldOutDomains : IDisposable
{
    private const string Hint = "build it with a held-out fraction above 0";

    private readonly List<DomainData> domains = [];
    private readonly List<string> names = [];
    private readonly string hint;

    private HeldOutDomains(string hint) => this.hint = hint;

    /// <summary>The domains, in the order given.</summary>
    public IReadOnlyList<DomainData> Domains => domains;

    /// <summary>Opens domains that <c>bam data build</c> made.</summary>
    /// <param name="directories">Their directories.</param>
    /// <exception cref="InvalidInputException">One is missing or damaged, or two have one name.</exception>
    public static HeldOutDomains Open(IEnumerable<string> directories)
    {
        ArgumentNullException.ThrowIfNull(directories);
        return OpenAll(directories.Select(directory => ((string?)null, directory)), Hint);
    }

    /// <summary>Opens domains under names of the caller's.</summary>
    /// <param name="domains">Their names, each once, and the directories that <c>bam data build</c> made.</param>
    /// <param name="key">The key that asks for held-out text and 0 switches off.</param>
    /// <exception cref="InvalidInputException">One is missing, damaged or without held-out text.</exception>
    public static HeldOutDomains Open(IEnumerable<(string Name, string Directory)> domains, string key)
    {
        ArgumentNullException.ThrowIfNull(domains);
        return OpenAll(domains.Select(domain => ((string?)domain.Name, domain.Directory)), $"{Hint}, or set key '{key}' to 0");
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
        foreach (var (name, domain) in names.Zip(domains))
        {
            var before = done;
            results[name] = Perplexity.Measure(model, domain.HeldOut, domain.HeldOutBytes, options, targets =>
            {
                done = before + targets;
                reporter.Advance(new WorkProgress(activity, done, total, "tokens", name));
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

    private static HeldOutDomains OpenAll(IEnumerable<(string? Name, string Directory)> domains, string hint)
    {
        var opened = new HeldOutDomains(hint);
        try
        {
            foreach (var (name, directory) in domains) opened.Add(name, directory);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private void Add(string? name, string directory)
    {
        if (!DataBuildReport.IsIn(directory))
            throw new InvalidInputException(directory, "a directory that 'bam data build' made, for its held-out text", "no report.json there", hint);
        var domain = DomainData.Open(directory);
        domains.Add(domain);
        names.Add(name ?? domain.Name);
        if (domain.HeldOut.TokenCount < 2) throw new InvalidInputException(directory, "a domain with held-out text", "none", hint);
        if (names.Count(other => other == names[^1]) > 1)
            throw new InvalidInputException($"{directory}: a domain called '{names[^1]}' is there already; build one of them under another name");
    }
}
