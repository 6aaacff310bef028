using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>What the figures draw from.</summary>
/// <param name="Results">The run's results.</param>
/// <param name="Metrics">The training metrics by model name; models that were not trained have none.</param>
internal sealed record ReportData(Results Results, IReadOnlyDictionary<string, MetricsLog> Metrics)
{
    /// <summary>The dense model that the others descend from; null when the run has none.</summary>
    public ModelResult? Seed => Results.Models.FirstOrDefault(model => model.Kind == ModelKind.Seed);

    /// <summary>The model that changes are given against: the first BTX, or else the seed.</summary>
    public ModelResult? Baseline => Results.Models.FirstOrDefault(model => model.Kind == ModelKind.Btx) ?? Seed;

    /// <summary>The models in the three groups that every table and figure shows, empty ones left out.</summary>
    public IReadOnlyList<(string Title, IReadOnlyList<ModelResult> Models)> Groups => ModelGroups.Of(Results.Models);
}
