namespace Bam.Training.Metrics;

/// <summary>How one layer routes.</summary>
internal sealed record LayerMetrics
{
    /// <summary>The part of the token-to-expert assignments that each feed-forward expert gets, [M].</summary>
    public IReadOnlyList<double>? ExpertLoad { get; init; }

    /// <summary>The mean gate of each attention expert, [N].</summary>
    public IReadOnlyList<double>? AttentionGate { get; init; }

    /// <summary>The mean entropy of the attention gates, in nats; ln N when all experts weigh alike.</summary>
    public double? GateEntropy { get; init; }

    /// <summary>The mean entropy of the feed-forward router's probabilities, in nats.</summary>
    public double? RouterEntropy { get; init; }

    /// <summary>The same by the domain that a token comes from.</summary>
    public IReadOnlyDictionary<string, DomainRouting>? ByDomain { get; init; }
}
