using Bam.Models;
using Bam.Training.Metrics;

namespace Bam.Training;

/// <summary>Routing statistics in the form of metrics.</summary>
internal static class RoutingMetrics
{
    /// <summary>One entry for each layer, domains by their names.</summary>
    public static IReadOnlyList<LayerMetrics> Of(RoutingStatistics statistics, TrainingConfig config) =>
        [.. statistics.Layers.Select(layer => Of(layer, config))];

    private static LayerMetrics Of(LayerRouting layer, TrainingConfig config)
    {
        var (load, gate) = (layer.ExpertLoad(), layer.AttentionGate());
        return new()
        {
            ExpertLoad = load,
            AttentionGate = gate,
            GateEntropy = gate is null ? null : layer.GateEntropy,
            RouterEntropy = load is null ? null : layer.RouterEntropy,
            ByDomain = config.Data
                .Select((domain, d) => (Name: domain.Domain, Load: layer.ExpertLoad(d), Gate: layer.AttentionGate(d)))
                .Where(d => d.Load is not null || d.Gate is not null)
                .ToDictionary(d => d.Name, d => new DomainRouting { ExpertLoad = d.Load, AttentionGate = d.Gate }),
        };
    }
}
