using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>Where the routers sent the tokens, summed over all batches of <see cref="LanguageModel.Loss"/>.</summary>
internal sealed class RoutingStatistics
{
    public RoutingStatistics(ModelConfig config, int domains)
    {
        Domains = domains;
        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new LayerRouting(config, domains))];
    }

    public int Domains { get; }

    /// <summary>One entry for each block.</summary>
    public IReadOnlyList<LayerRouting> Layers { get; }

    /// <summary>Replaces all sums by those over several processes.</summary>
    /// <param name="add">Adds the same places of all processes' arrays.</param>
    public void Combine(Func<double[], double[]> add)
    {
        var all = new Queue<double>(add([.. Layers.SelectMany(layer => layer.Sums)]));
        foreach (var layer in Layers) layer.SetSums(all.Dequeue);
    }

    /// <summary>Sets the domain of each sequence of the next batch, [B].</summary>
    public void BeginBatch(int[] domainOfSequence)
    {
        foreach (var layer in Layers) layer.DomainOfSequence = domainOfSequence;
    }
}

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

    internal IEnumerable<double> Sums => Tallies.SelectMany(tally => tally.Sums);

    private DomainTally[] Tallies => [gates, routed, assigned];

    /// <summary>Each feed-forward expert's share of the assignments of one domain, or of all, [M]; null if none.</summary>
    public double[]? ExpertLoad(int? domain = null) => assigned.Mean(domain);

    /// <summary>The mean gate of each attention expert in one domain, or in all, [N]; null if there were none.</summary>
    public double[]? AttentionGate(int? domain = null) => gates.Mean(domain);

    internal void SetSums(Func<double> next)
    {
        foreach (var tally in Tallies) tally.SetSums(next);
    }

    public void AddGates(Tensor gates) => this.gates.AddRows(ToArray<float>(gates), DomainOfSequence);

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

/// <summary>Sums of shares over experts, separately for each domain.</summary>
internal sealed class DomainTally(int domains, int experts)
{
    private readonly double[,] sums = new double[domains, experts];
    private double entropy;
    private long rowsAdded;

    /// <summary>The mean entropy of the rows added, in nats.</summary>
    public double MeanEntropy => rowsAdded == 0 ? 0 : entropy / rowsAdded;

    /// <summary>All that was added, in the order in which <see cref="SetSums"/> takes it.</summary>
    public IEnumerable<double> Sums => [rowsAdded, entropy, .. sums.Cast<double>()];

    /// <summary>Replaces all that was added.</summary>
    public void SetSums(Func<double> next)
    {
        (rowsAdded, entropy) = ((long)next(), next());
        for (var domain = 0; domain < domains; domain++)
            for (var expert = 0; expert < experts; expert++) sums[domain, expert] = next();
    }

    /// <summary>Adds rows of probabilities, [rows, experts], the same number for each sequence, [B].</summary>
    public void AddRows(ReadOnlySpan<float> probabilities, int[] domainOfSequence)
    {
        var rows = probabilities.Length / experts;
        for (var row = 0; row < rows; row++)
        {
            var domain = DomainOf(row, rows, domainOfSequence);
            for (var expert = 0; expert < experts; expert++)
            {
                double p = probabilities[row * experts + expert];
                sums[domain, expert] += p;
                if (p > 0) entropy -= p * Math.Log(p);
            }
        }

        rowsAdded += rows;
    }

    /// <summary>Adds the expert of each assignment, [assignments], the same number for each sequence, [B].</summary>
    public void AddChoices(ReadOnlySpan<long> chosen, int[] domainOfSequence)
    {
        for (var i = 0; i < chosen.Length; i++) sums[DomainOf(i, chosen.Length, domainOfSequence), chosen[i]]++;
    }

    /// <summary>The experts' shares in one domain, or in all, summing to 1; null if nothing was added.</summary>
    public double[]? Mean(int? domain)
    {
        var shares = new double[experts];
        for (var d = domain ?? 0; d < (domain + 1 ?? domains); d++)
        {
            for (var expert = 0; expert < experts; expert++) shares[expert] += sums[d, expert];
        }

        var total = shares.Sum();
        return total == 0 ? null : [.. shares.Select(share => share / total)];
    }

    private static int DomainOf(int row, int rows, int[] domainOfSequence) =>
        domainOfSequence[(int)((long)row * domainOfSequence.Length / rows)];
}
