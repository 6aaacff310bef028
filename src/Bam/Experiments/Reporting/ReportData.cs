namespace Bam.Experiments.Reporting;

/// <summary>What the figures draw from.</summary>
/// <param name="Results">The run's results.</param>
/// <param name="Metrics">The training metrics by model name; models that were not trained have none.</param>
internal sealed record ReportData(Results Results, IReadOnlyDictionary<string, MetricsLog> Metrics)
{
    private static readonly ModelKind[] MixtureKinds = [ModelKind.Soup, ModelKind.Sparse, ModelKind.Btx, ModelKind.Bam];

    /// <summary>The dense model that the others descend from; null when the run has none.</summary>
    public ModelResult? Seed => Results.Models.FirstOrDefault(model => model.Kind == ModelKind.Seed);

    /// <summary>The model that changes are given against: the first BTX, or else the seed.</summary>
    public ModelResult? Baseline => Results.Models.FirstOrDefault(model => model.Kind == ModelKind.Btx) ?? Seed;

    /// <summary>The models in the three groups that every table and figure shows, empty ones left out.</summary>
    public IReadOnlyList<(string Title, IReadOnlyList<ModelResult> Models)> Groups =>
        [.. new (string, IReadOnlyList<ModelResult>)[]
        {
            (Results.Models.Any(model => model.Kind == ModelKind.Dense) ? "Dense" : "Seed", [.. Results.Models.Where(model => model.Kind is ModelKind.Seed or ModelKind.Dense)]),
            ("Specialised", [.. Results.Models.Where(model => model.Kind == ModelKind.Expert)]),
            ("Mixtures", [.. Results.Models.Where(model => MixtureKinds.Contains(model.Kind))]),
        }.Where(group => group.Item2.Count > 0)];
}
