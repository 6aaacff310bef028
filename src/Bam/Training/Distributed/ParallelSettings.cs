using Bam.Configuration;

namespace Bam.Training.Distributed;

/// <summary>The processes of a run: experts · data of them.</summary>
public sealed record ParallelSettings
{
    /// <summary>E, the processes that share the experts; divides the number of experts of each kind.</summary>
    [Key(
        "the processes that share the experts; divides the number of experts",
        Minimum = 1, Maximum = 4096, ChangesResult = false)]
    public int Experts { get; init; } = 1;

    /// <summary>D, the parts that a step's sequences are split into; null for all processes over E.</summary>
    [Key(
        "the data-parallel parts that a step's sequences are split into; all processes over 'experts' when absent",
        Minimum = 1, Maximum = 1 << 20, ChangesResult = false)]
    public int? Data { get; init; }
}

/// <summary>The tokens over which the load-balancing loss counts F, the experts' shares of the assignments.</summary>
public enum LoadBalancingScope
{
    /// <summary>A micro-batch of all data-parallel processes together.</summary>
    Batch,

    /// <summary>Each process's own part of the micro-batch.</summary>
    MicroBatch,
}
