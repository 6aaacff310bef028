namespace Bam.Experiments.Reporting;

/// <summary>One column of a <see cref="DomainTable"/>.</summary>
/// <param name="Title">Its heading.</param>
/// <param name="Domain">The domain it shows; null for the mean and for probes.</param>
/// <param name="Value">A model's number; NaN when it was not measured.</param>
internal sealed record DomainColumn(string Title, string? Domain, Func<ModelResult, double> Value)
{
    /// <summary>The held-out tokens behind a model's number; 0 for none.</summary>
    public Func<ModelResult, long> Tokens { get; init; } = _ => 0;

    /// <summary>One column for each domain of the run.</summary>
    public static IEnumerable<DomainColumn> Of(Results results, Func<ModelResult, IReadOnlyDictionary<string, double>> select) =>
        results.Domains.Select(domain => new DomainColumn(domain, domain, model => select(model).GetValueOrDefault(domain, double.NaN))
        {
            Tokens = model => model.Tokens.GetValueOrDefault(domain),
        });

    /// <summary>One column for each probe of the run.</summary>
    public static IEnumerable<DomainColumn> OfProbes(Results results, Func<ProbeResult, double> select) =>
        results.Probes.Select(probe => new DomainColumn(probe, null, model => ProbeOf(model, probe) is { } result ? select(result) : double.NaN)
        {
            Tokens = model => ProbeOf(model, probe)?.Tokens ?? 0,
        });

    private static ProbeResult? ProbeOf(ModelResult model, string probe) => model.Probes?.GetValueOrDefault(probe);
}
