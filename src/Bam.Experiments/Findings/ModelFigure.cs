namespace Bam.Experiments.Findings;

/// <summary>
/// A column of a table over models, of which lower is better. The domain is null for a mean and for what is of no domain; the
/// value is NaN when it was not measured.
/// </summary>
internal sealed record ModelFigure(string Title, string? Domain, Func<ModelResult, double> Value)
{
    /// <summary>The held-out tokens behind a model's figure; 0 for none.</summary>
    public Func<ModelResult, long> Tokens { get; init; } = _ => 0;

    /// <summary>The perplexities by domain, and last their mean over these domains.</summary>
    public static IReadOnlyList<ModelFigure> Perplexities(IReadOnlyList<string> domains) =>
        [.. ByDomain(domains, model => model.Perplexity), MeanPerplexity(domains)];

    /// <summary>The arithmetic mean of the perplexities over some domains.</summary>
    public static ModelFigure MeanPerplexity(IReadOnlyList<string> domains) =>
        new("mean", null, model => domains.Average(domain => model.Perplexity.GetValueOrDefault(domain, double.NaN)));

    /// <summary>One column for each domain.</summary>
    public static IReadOnlyList<ModelFigure> ByDomain(
        IReadOnlyList<string> domains, Func<ModelResult, IReadOnlyDictionary<string, double>> select) =>
        [.. domains.Select(domain => new ModelFigure(domain, domain, model => select(model).GetValueOrDefault(domain, double.NaN))
        {
            Tokens = model => model.Tokens.GetValueOrDefault(domain),
        })];

    /// <summary>One column for each probe.</summary>
    public static IReadOnlyList<ModelFigure> OfProbes(IReadOnlyList<string> probes, Func<ProbeResult, double> select)
    {
        return [.. probes.Select(probe => new ModelFigure(probe, null, model => Figure(model, probe))
        {
            Tokens = model => Of(model, probe)?.Tokens ?? 0,
        })];

        double Figure(ModelResult model, string probe) => Of(model, probe) is { } result ? select(result) : double.NaN;


        static ProbeResult? Of(ModelResult model, string probe) => model.Probes?.GetValueOrDefault(probe);
    }
}

/// <summary>The groups in which every table and figure shows models.</summary>
internal static class ModelGroups
{
    private static readonly ModelKind[] MixtureKinds = [ModelKind.Soup, ModelKind.Sparse, ModelKind.Btx, ModelKind.Bam];

    /// <summary>Dense, specialised and mixed models; empty groups are left out.</summary>
    public static IReadOnlyList<(string Title, IReadOnlyList<ModelResult> Models)> Of(IReadOnlyList<ModelResult> models) =>
        [.. new[]
        {
            Group(models.Any(model => model.Kind == ModelKind.Dense) ? "Dense" : "Seed", models, ModelKind.Seed, ModelKind.Dense),
            Group("Specialised", models, ModelKind.Expert),
            Group("Mixtures", models, MixtureKinds),
        }.Where(group => group.Models.Count > 0)];

    private static (string Title, IReadOnlyList<ModelResult> Models) Group(
        string title, IReadOnlyList<ModelResult> models, params ModelKind[] kinds) =>
        (title, [.. models.Where(model => kinds.Contains(model.Kind))]);

    /// <summary>
    /// The trained models that stand for the recipe's comparisons: mixtures and dense controls, neither seed nor experts.
    /// </summary>
    public static IReadOnlyList<ModelResult> Compared(IReadOnlyList<ModelResult> models) =>
        [.. models.Where(model => model.Kind is not (ModelKind.Seed or ModelKind.Expert) && model.TrainingTokens > 0)];
}
