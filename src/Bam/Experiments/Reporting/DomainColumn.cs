namespace Bam.Experiments.Reporting;

/// <summary>One column of a <see cref="DomainTable"/>.</summary>
/// <param name="Title">Its heading.</param>
/// <param name="Domain">The domain it shows; null for the mean.</param>
/// <param name="Value">A model's number; NaN when it was not measured.</param>
internal sealed record DomainColumn(string Title, string? Domain, Func<ModelResult, double> Value)
{
    /// <summary>One column for each domain of the run.</summary>
    public static IEnumerable<DomainColumn> Of(Results results, Func<ModelResult, IReadOnlyDictionary<string, double>> select) =>
        results.Domains.Select(domain => new DomainColumn(domain, domain, model => select(model).GetValueOrDefault(domain, double.NaN)));
}
