using Bam.Configuration;

namespace Bam.Training.Distributed;

/// <summary>How the processes of a run divide the work: there are <see cref="Data"/> · <see cref="Experts"/> processes.</summary>
public sealed record ParallelSettings
{
    /// <summary>
    /// E, the number of processes that the experts are divided among; divides the number of experts of each kind. Default 1.
    /// </summary>
    [Key(
        "the number of processes that the experts are divided among; divides the number of experts",
        Minimum = 1, Maximum = 4096, ChangesResult = false)]
    public int Experts { get; init; } = 1;

    /// <summary>D, the number of parts that a step's sequences are divided into; null for the number of processes / E.</summary>
    [Key(
        "the number of parts that a step's sequences are divided into; when absent, the number of processes / 'experts'",
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
