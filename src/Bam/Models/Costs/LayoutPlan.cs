using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models.Costs;

/// <summary>Predicts one training step of a model in every layout; docs/cost.md states the formulas.</summary>
/// <param name="Links">The network between the ranks.</param>
/// <param name="Compute">What the devices do.</param>
/// <param name="Settings">The training; the micro-batch is the largest that may be used.</param>
/// <param name="Sequences">B, the sequences of an optimizer step, over all ranks.</param>
internal sealed record LayoutPlan(ClusterLinks Links, ComputeBudget Compute, CostSettings Settings, int Sequences)
{
    // AdamW reads values, gradients and two moments and writes all but the gradients; the gradients are read for their norm, and
    // set to zero.
    private const int OptimizerAccesses = 9;

    /// <summary>The layouts that are possible, in their order, the best marked; refused ones say why.</summary>
    public IReadOnlyList<LayoutEstimate> Of(ModelConfig config, IEnumerable<Layout> layouts)
    {
        var all = layouts.Select(layout => Of(config, layout)).ToList();
        var best = all.Where(estimate => estimate.Refusal is null)
            .OrderBy(estimate => estimate.Fits == false)
            .ThenBy(estimate => estimate.Time!.Total)
            .FirstOrDefault();
        return [.. all.Select(estimate => estimate with { IsBest = estimate == best })];
    }

    /// <summary>Every layout of the devices that is possible for the model.</summary>
    public IReadOnlyList<LayoutEstimate> OfPossible(ModelConfig config) =>
        Of(config, Layout.All(Compute.Devices).Where(layout => layout.Refusal(config, Sequences) is null));

    /// <summary>One layout of a model.</summary>
    public LayoutEstimate Of(ModelConfig config, Layout layout)
    {
        if (layout.Refusal(config, Sequences) is { } why) return new(layout) { Refusal = why };
        var (microBatch, memory) = MicroBatchOf(config, layout);
        var microBatches = Sequences / layout.Data / microBatch;
        var traffic = TrafficOf(config, layout, (long)microBatch * Settings.Length, microBatches);
        var time = TimeOf(config, layout, traffic, microBatches);
        var tokens = (double)Sequences * Settings.Length;
        var ideal = tokens * ModelFlops.Training(config, Settings.Length) / (layout.Devices * RateOfDevice);
        return new(layout)
        {
            MicroBatch = microBatch,
            MicroBatches = microBatches,
            Time = time,
            Traffic = traffic,
            TokensPerSecond = tokens / time.Total,
            Efficiency = ideal / time.Total,
            Memory = memory,
            Fits = Compute.MemoryBytes is { } bytes ? memory.Total <= bytes : null,
        };
    }

    private double RateOfDevice => Compute.PeakFlops * Compute.Fraction;

    // The largest micro-batch that divides the rank's sequences, is not above the settings' and fits; 1 where none fits.
    private (int Sequences, TrainingMemory Memory) MicroBatchOf(ModelConfig config, Layout layout)
    {
        var ofRank = Sequences / layout.Data;
        foreach (var size in Divisors.Of(ofRank).Where(size => size <= Settings.BatchSize).Reverse())
        {
            var memory = TrainingMemory.Of(config, Settings with { BatchSize = size }, layout);
            if (size == 1 || Compute.MemoryBytes is not { } bytes || memory.Total <= bytes) return (size, memory);
        }

        throw new InvalidOperationException("1 divides every number");
    }

    private LayoutTraffic TrafficOf(ModelConfig config, Layout layout, long tokens, int microBatches)
    {
        var gradients = RingBytes(sizeof(float) * (double)ModelSize.OnRank(config, layout.Experts), layout.Data);
        if (layout.Experts == 1) return new(0, 0, 0, gradients);
        var bytes = tokens * config.HiddenSize * (double)Settings.Dtype.ByteSize();
        var count = (long)microBatches * SumsOfMicroBatch(config);
        var partial = sizeof(float) * (double)ModelSize.WithPartialGradients(config);
        return new(count, count * RingBytes(bytes, layout.Experts), RingBytes(partial, layout.Experts), gradients);
    }

    // Of the blocks' outputs and of the gradients of their inputs; backward also sums the gradient of the head's input.
    private int SumsOfMicroBatch(ModelConfig config)
    {
        var passes = Settings.ActivationCheckpointing ? 2 : 1;
        return 1 + Enumerable.Range(0, config.NumHiddenLayers).Sum(layer =>
        {
            var branches = (config.NumAttentionExperts > 1 ? 1 : 0) + (config.ExpertsOf(layer) > 1 ? 1 : 0);
            // The outputs of both branches of a parallel block are one sum; so are the gradients, if they have one input.
            var (outputs, inputs) = !config.ParallelBlock ? (branches, branches)
                : (Math.Min(branches, 1), config.HasSecondNorm ? branches : Math.Min(branches, 1));
            return passes * outputs + inputs;
        });
    }

    private StepTime TimeOf(ModelConfig config, Layout layout, LayoutTraffic traffic, int microBatches)
    {
        var tokens = (double)Sequences / layout.Data * Settings.Length;
        var compute = tokens * ModelFlops.Computed(config, Settings, layout.Experts) / RateOfDevice;
        var experts = traffic.ExpertBytes / Links.BytesPerSecond
            + traffic.ExpertSums * RingSteps(layout.Experts) * Links.Latency;
        var partial = traffic.PartialGradientBytes / Links.BytesPerSecond + RingSteps(layout.Experts) * Links.Latency;
        var gradients = traffic.GradientBytes / Links.BytesPerSecond + RingSteps(layout.Data) * Links.Latency;
        // The gradients are complete in the backward pass of the last micro-batch, two thirds of its products. A sharded
        // optimizer sends the other half, the new values, after the update.
        var backward = Links.Overlap * compute * 2 / 3 / microBatches;
        var hidden = Math.Min(backward, Settings.ShardOptimizer ? gradients / 2 : gradients);
        return new(compute, experts, partial, gradients - hidden, OptimizerSeconds(config, layout));
    }

    private double OptimizerSeconds(ModelConfig config, Layout layout)
    {
        if (Links.MemoryBytesPerSecond is not { } rate) return 0;
        var owned = ModelSize.OnRank(config, layout.Experts) / (double)(Settings.ShardOptimizer ? layout.Data : 1);
        return OptimizerAccesses * sizeof(float) * owned / rate;
    }

    // Bytes that each of n ranks sends, and receives, in a ring all-reduce.
    private static double RingBytes(double bytes, int ranks) => 2.0 * (ranks - 1) / ranks * bytes;

    private static long RingSteps(int ranks) => 2L * (ranks - 1);
}

/// <summary>What moves data: between the ranks, and between a device and its memory.</summary>
/// <param name="BytesPerSecond">What a rank sends, and at the same time receives, in a second.</param>
/// <param name="Latency">Seconds of one hop between two ranks.</param>
/// <param name="Overlap">The part of the last backward pass during which gradients are on their way, 0 to 1.</param>
/// <param name="MemoryBytesPerSecond">A device's own memory, which bounds the optimizer; null: it takes no time.</param>
internal sealed record ClusterLinks(double BytesPerSecond, double Latency, double Overlap, double? MemoryBytesPerSecond);

/// <summary>What a rank sends, and receives, in one step.</summary>
/// <param name="ExpertSums">All-reduces of [tokens, d] among the ranks of a group.</param>
/// <param name="ExpertBytes">Their bytes.</param>
/// <param name="PartialGradientBytes">Bytes of the sum of gradients of which each rank of a group has a part.</param>
/// <param name="GradientBytes">Bytes of the gradients' all-reduce, or of their reduction and the values' all-gather.</param>
internal sealed record LayoutTraffic(long ExpertSums, double ExpertBytes, double PartialGradientBytes, double GradientBytes)
{
    public double Bytes => ExpertBytes + PartialGradientBytes + GradientBytes;
}

/// <summary>The seconds of a step, one part after the other.</summary>
/// <param name="Compute">Forward and backward of all micro-batches.</param>
/// <param name="ExpertSums">The sums over experts.</param>
/// <param name="PartialGradients">The sum of gradients of which each rank of a group has a part, once a step.</param>
/// <param name="Gradients">What is not hidden behind backward of the exchange of gradients.</param>
/// <param name="Optimizer">The gradients' norm and AdamW.</param>
internal sealed record StepTime(double Compute, double ExpertSums, double PartialGradients, double Gradients, double Optimizer)
{
    public double Total => Compute + ExpertSums + PartialGradients + Gradients + Optimizer;
}

/// <summary>One step of a model in one layout.</summary>
/// <param name="Layout">The ranks.</param>
internal sealed record LayoutEstimate(Layout Layout)
{
    /// <summary>Why the layout is impossible; all else is then absent.</summary>
    public string? Refusal { get; init; }

    /// <summary>Sequences of a micro-batch on a rank.</summary>
    public int MicroBatch { get; init; }

    /// <summary>Micro-batches of a step on a rank.</summary>
    public int MicroBatches { get; init; }

    public StepTime? Time { get; init; }

    public LayoutTraffic? Traffic { get; init; }

    /// <summary>Of all ranks.</summary>
    public double TokensPerSecond { get; init; }

    /// <summary>
    /// The time of as many devices that share one model's FLOPs evenly and never wait, over the predicted: repeated work, waiting
    /// and the optimizer lower it.
    /// </summary>
    public double Efficiency { get; init; }

    /// <summary>Of one rank.</summary>
    public TrainingMemory? Memory { get; init; }

    /// <summary>Whether that is there; null when it does not matter.</summary>
    public bool? Fits { get; init; }

    /// <summary>The fastest of those that fit, or if none fits the fastest.</summary>
    public bool IsBest { get; init; }
}
