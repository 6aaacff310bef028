namespace Bam.Training.Metrics;

/// <summary>How one layer routes the tokens of one domain.</summary>
internal sealed record DomainRouting
{
    /// <summary>The part of the assignments that each feed-forward expert gets, [M].</summary>
    public IReadOnlyList<double>? ExpertLoad { get; init; }

    /// <summary>The mean gate of each attention expert, [N].</summary>
    public IReadOnlyList<double>? AttentionGate { get; init; }
}
