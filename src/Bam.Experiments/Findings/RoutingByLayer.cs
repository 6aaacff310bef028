namespace Bam.Experiments.Findings;

/// <summary>Where the tokens of one domain went, layer by layer.</summary>
/// <param name="ExpertLoad">[L, M] the fraction of assignments to each feed-forward expert; empty without such experts.</param>
/// <param name="AttentionGate">[L, N] the mean gate of each attention expert; empty without such experts.</param>
internal sealed record RoutingByLayer(double[][] ExpertLoad, double[][] AttentionGate);
