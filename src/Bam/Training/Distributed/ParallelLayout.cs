using Bam.Torch.Distributed;

namespace Bam.Training.Distributed;

/// <summary>
/// How the processes of a run share the work. Rank = data rank · E + expert rank: the E ranks that share the experts are
/// neighbours, on one machine where possible, and see the same tokens; the D ranks with equal expert rank hold the same
/// parameters, and see different tokens.
/// </summary>
internal sealed class ParallelLayout : IDisposable
{
    private ParallelLayout(ProcessGroup world, int experts)
    {
        World = world;
        var (dataRank, expertRank) = (world.Rank / experts, world.Rank % experts);
        int[] neighbours = [.. Enumerable.Range(0, experts).Select(e => dataRank * experts + e)];
        int[] peers = [.. Enumerable.Range(0, world.Size / experts).Select(d => d * experts + expertRank)];
        try
        {
            Experts = world.Subgroup(neighbours, $"experts {dataRank}");
            Data = world.Subgroup(peers, $"data {expertRank}");
        }
        catch
        {
            Experts?.Dispose();
            throw;
        }
    }

    /// <summary>All processes of the run.</summary>
    public ProcessGroup World { get; }

    /// <summary>The ranks that hold the same parameters and see different tokens; its size is D.</summary>
    public ProcessGroup Data { get; }

    /// <summary>The ranks that see the same tokens and hold different experts; its size is E.</summary>
    public ProcessGroup Experts { get; }

    /// <summary>True for the rank that speaks and writes: rank 0 of the world.</summary>
    public bool IsFirst => World.Rank == 0;

    /// <summary>True for a run of one process.</summary>
    public bool IsAlone => World.Size == 1;

    /// <summary>"data 2 × experts 1", for records and messages; null for one process.</summary>
    public string? Description => IsAlone ? null : $"data {Data.Size} × experts {Experts.Size}";

    /// <summary>The layout of one process.</summary>
    public static ParallelLayout Alone() => new(ProcessGroup.Single(), experts: 1);

    /// <summary>Divides the world, which is disposed of with the layout; every process calls it.</summary>
    /// <param name="world">All processes of the run.</param>
    /// <param name="settings">The configuration's; null for data parallelism over all processes.</param>
    /// <exception cref="InvalidInputException">The configuration asks for another number of processes.</exception>
    /// <exception cref="ProcessGroupException">A rank did not come within the time-out.</exception>
    public static ParallelLayout Of(ProcessGroup world, ParallelSettings? settings)
    {
        RequireSize(world.Size, settings);
        return new(world, settings?.Experts ?? 1);
    }

    /// <summary>Refuses a configuration for another number of processes.</summary>
    /// <exception cref="InvalidInputException">The number differs, or is no multiple of the experts' processes.</exception>
    public static void RequireSize(int processes, ParallelSettings? settings)
    {
        var experts = settings?.Experts ?? 1;
        const string hint = "start as many processes by torchrun, srun or bam launch, or correct the key";
        if (settings?.Data is { } data && (long)data * experts != processes)
            throw new InvalidInputException(
                "key 'parallel'", $"data × experts = {processes}, the processes of this run", $"{data} × {experts}", hint);
        if (processes % experts != 0)
            throw new InvalidInputException(
                "key 'parallel.experts'", $"a divisor of {processes}, the processes of this run", $"{experts}", hint);
    }

    public void Dispose()
    {
        Data.Dispose();
        Experts.Dispose();
        World.Dispose();
    }
}
