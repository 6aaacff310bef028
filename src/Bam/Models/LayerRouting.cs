using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>What one block's routers did. N: attention experts, M: feed-forward experts, D: domains.</summary>
public sealed class LayerRouting
{
    private readonly DomainTally _gates;
    private readonly DomainTally _routed;
    private readonly DomainTally _assigned;

    internal LayerRouting(ModelConfig config, int domains)
    {
        _gates = new(domains, config.NumAttentionExperts);
        _routed = new(domains, config.NumLocalExperts);
        _assigned = new(domains, config.NumLocalExperts);
    }

    /// <summary>The mean entropy of the attention gates in nats, at most ln N; 0 with one expert.</summary>
    public double GateEntropy => _gates.MeanEntropy;

    /// <summary>The mean entropy of the feed-forward router's probabilities in nats, at most ln M; 0 with one expert.</summary>
    public double RouterEntropy => _routed.MeanEntropy;

    internal int[] DomainOfSequence { get; set; } = [];

    /// <summary>The fraction of the assignments that each feed-forward expert got, [M]; null when there were none.</summary>
    /// <param name="domain">One domain, or null for all.</param>
    public double[]? ExpertLoad(int? domain = null) => _assigned.Mean(domain);

    /// <summary>The mean gate of each attention expert, [N]; null when there were none.</summary>
    /// <param name="domain">One domain, or null for all.</param>
    public double[]? AttentionGate(int? domain = null) => _gates.Mean(domain);

    // gates: [B, T, N]
    internal void AddGates(Tensor gates) => _gates.AddRows(ToArray<float>(gates), DomainOfSequence);

    // chosen: [n, k]; probabilities: [n, M]
    internal void AddAssignments(Tensor chosen, Tensor probabilities)
    {
        _routed.AddRows(ToArray<float>(probabilities), DomainOfSequence);
        _assigned.AddChoices(ToArray<long>(chosen), DomainOfSequence);
    }

    private static T[] ToArray<T>(Tensor tensor)
        where T : unmanaged
    {
        using var scope = TensorScope.Open();
        return tensor.Detach().ToArray<T>();
    }
}
