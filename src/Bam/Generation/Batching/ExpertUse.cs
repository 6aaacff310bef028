using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;

namespace Bam.Generation.Batching;

/// <summary>How the experts were used since the start: what one monitors in production. Safe to read from any thread.</summary>
internal sealed class ExpertUse
{
    private readonly Lock changing = new();
    private readonly LayerUse[] layers;

    public ExpertUse(ModelConfig config)
    {
        layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => new LayerUse(
            config.ExpertsOf(layer) > 1 ? config.NumLocalExperts : 0,
            config.NumAttentionExperts > 1 ? config.NumAttentionExperts : 0,
            config.AttentionRouting == AttentionRouting.TopK ? config.NumAttentionExpertsPerTok!.Value : null, changing))];
    }

    /// <summary>One observer for each block; they remember the last pass.</summary>
    public IReadOnlyList<IRoutingObserver> Observers => layers;

    /// <summary>Each feed-forward expert's assignments in a block, [M]; none in a dense block.</summary>
    public long[] AssignmentsOf(int layer)
    {
        lock (changing) return [.. layers[layer].Assignments];
    }

    /// <summary>The mean gate of each attention expert in a block, [N]; none with dense attention.</summary>
    public double[] MeanGatesOf(int layer)
    {
        lock (changing)
        {
            var tokens = Math.Max(1, layers[layer].Tokens);
            return Array.ConvertAll(layers[layer].Gates, sum => sum / tokens);
        }
    }

    /// <summary>Which experts one token of the last pass went to, block by block.</summary>
    public IReadOnlyList<TokenRoute> RouteOf(int token) => [.. layers.Select(layer => layer.RouteOf(token))];

    private sealed class LayerUse(int experts, int attentionExperts, int? attentionTopK, Lock changing) : IRoutingObserver
    {
        private long[] chosen = [];   // [n · k] of the last pass
        private float[] gates = [];   // [n · N] of the last pass
        private int perToken = 1;

        public long[] Assignments { get; } = new long[experts];

        public double[] Gates { get; } = new double[attentionExperts];

        public long Tokens { get; private set; }

        public void AddGates(Tensor gates)
        {
            this.gates = gates.ToArray<float>();
            lock (changing)
            {
                for (var i = 0; i < this.gates.Length; i++) Gates[i % attentionExperts] += this.gates[i];
                Tokens += this.gates.Length / attentionExperts;
            }
        }

        public void AddAssignments(Tensor chosen, Tensor probabilities)
        {
            (this.chosen, perToken) = (chosen.ToArray<long>(), (int)chosen.Size(1));
            lock (changing)
            {
                foreach (var expert in this.chosen) Assignments[expert]++;
            }
        }

        public TokenRoute RouteOf(int token)
        {
            int[] experts = [.. chosen.Skip(token * perToken).Take(perToken).Select(expert => (int)expert)];
            float[] own = [.. gates.Skip(token * attentionExperts).Take(attentionExperts)];
            if (attentionTopK is { } k && own.Length > 0)
            {
                var smallest = own.OrderDescending().ElementAt(k - 1);
                own = Array.ConvertAll(own, gate => gate >= smallest ? gate : 0);
            }

            return new(experts, own);
        }
    }
}
