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
            ByDomain = config.Data.Select((domain, d) => (domain.Domain, new DomainRouting { ExpertLoad = layer.ExpertLoad(d), AttentionGate = layer.AttentionGate(d) }))
                .Where(d => d.Item2.ExpertLoad is not null || d.Item2.AttentionGate is not null)
                .ToDictionary(d => d.Domain, d => d.Item2),
        };
    }
}
