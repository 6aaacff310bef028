using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>What one block's routers did. N: attention experts, M: feed-forward experts, D: domains.</summary>
internal sealed class LayerRouting : IRoutingObserver
{
    private readonly DomainTally gates;
    private readonly DomainTally routed;
    private readonly DomainTally assigned;

    internal LayerRouting(ModelConfig config, int domains)
    {
        gates = new(domains, config.NumAttentionExperts);
        routed = new(domains, config.NumLocalExperts);
        assigned = new(domains, config.NumLocalExperts);
    }

    /// <summary>The mean entropy of the attention gates in nats, at most ln N; 0 with one expert.</summary>
    public double GateEntropy => gates.MeanEntropy;

    /// <summary>The mean entropy of the feed-forward router's probabilities in nats, at most ln M; 0 with one expert.</summary>
    public double RouterEntropy => routed.MeanEntropy;

    internal int[] DomainOfSequence { get; set; } = [];

    /// <summary>The fraction of the assignments that each feed-forward expert got, [M]; null when there were none.</summary>
    /// <param name="domain">One domain, or null for all.</param>
    public double[]? ExpertLoad(int? domain = null) => assigned.Mean(domain);

    /// <summary>The mean gate of each attention expert, [N]; null when there were none.</summary>
    /// <param name="domain">One domain, or null for all.</param>
    public double[]? AttentionGate(int? domain = null) => gates.Mean(domain);

    /// <inheritdoc/>
    public void AddGates(Tensor gates) => this.gates.AddRows(ToArray<float>(gates), DomainOfSequence);

    /// <inheritdoc/>
    public void AddAssignments(Tensor chosen, Tensor probabilities)
    {
        routed.AddRows(ToArray<float>(probabilities), DomainOfSequence);
        assigned.AddChoices(ToArray<long>(chosen), DomainOfSequence);
    }

    private static T[] ToArray<T>(Tensor tensor)
        where T : unmanaged
    {
        using var scope = TensorScope.Open();
        return tensor.Detach().ToArray<T>();
    }
}
