using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>Which experts took the last token that a model read, block by block.</summary>
internal sealed class RoutingTrace
{
    private readonly LayerTrace[] layers;

    public RoutingTrace(ModelConfig config)
    {
        layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new LayerTrace(config))];
    }

    /// <summary>What each block's routers decided for the last token of the last pass; of B sequences, the last one's.</summary>
    public IReadOnlyList<TokenRoute> LastToken => [.. layers.Select(layer => layer.Route)];

    internal IReadOnlyList<IRoutingObserver> Layers => layers;

    private sealed class LayerTrace(ModelConfig config) : IRoutingObserver
    {
        public TokenRoute Route { get; private set; } = new([], []);

        public void AddGates(Tensor gates)
        {
            using var scope = TensorScope.Open();
            var last = gates.Select(0, gates.Size(0) - 1);
            var values = last.Select(0, last.Size(0) - 1).ToArray<float>();
            if (config.AttentionRouting == AttentionRouting.TopK)
            {
                var smallest = values.OrderDescending().ElementAt(config.NumAttentionExpertsPerTok!.Value - 1);
                values = Array.ConvertAll(values, gate => gate >= smallest ? gate : 0);
            }

            Route = Route with { AttentionGates = values };
        }

        public void AddAssignments(Tensor chosen, Tensor probabilities)
        {
            using var scope = TensorScope.Open();
            var experts = chosen.Select(0, chosen.Size(0) - 1).ToArray<long>();
            Route = Route with { FeedForwardExperts = Array.ConvertAll(experts, expert => (int)expert) };
        }
    }
}

/// <summary>What one block's routers decided for one token.</summary>
/// <param name="FeedForwardExperts">The k experts that took it, largest probability first; none in a dense block.</param>
/// <param name="AttentionGates">The gate of each attention expert, [N], 0 outside the top k; none with dense attention.</param>
internal sealed record TokenRoute(IReadOnlyList<int> FeedForwardExperts, IReadOnlyList<float> AttentionGates);
