using Bam.Training.Metrics;

namespace Bam.Experiments.Findings;

/// <summary>The routing, averaged over a part of the training.</summary>
/// <param name="Tokens">The tokens trained on at its end.</param>
/// <param name="Layers">One entry for each block.</param>
internal sealed record RoutingMoment(long Tokens, IReadOnlyList<LayerMetrics> Layers);
