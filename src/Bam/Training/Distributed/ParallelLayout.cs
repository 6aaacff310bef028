using Bam.Torch;
using Bam.Torch.Distributed;

namespace Bam.Training.Distributed;

/// <summary>
/// How the processes of a run divide the work. Rank = data rank · E + expert rank: the E ranks that share the experts have
/// consecutive ranks, so that they are on one machine where possible, and read the same tokens; the D ranks with the same expert
/// rank hold the same parameters, and read different tokens.
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

    /// <summary>The ranks that hold the same parameters and read different tokens; its size is D.</summary>
    public ProcessGroup Data { get; }

    /// <summary>The ranks that read the same tokens and hold different experts; its size is E.</summary>
    public ProcessGroup Experts { get; }

    /// <summary>The elements of one reduction of gradients; equal on all ranks.</summary>
    public long BucketSize { get; set; } = GradientBucket.DefaultSize;

    /// <summary>The processes of the run that are on this machine and share its memory.</summary>
    public int LocalSize { get; private init; } = 1;

    /// <summary>True for rank 0 of the world, which writes the run's directory and the messages.</summary>
    public bool IsFirst => World.Rank == 0;

    /// <summary>True for a run of one process.</summary>
    public bool IsAlone => World.Size == 1;

    /// <summary>"data 2 × experts 1", for records and messages; null for one process.</summary>
    public string? Description => IsAlone ? null : $"data {Data.Size} × experts {Experts.Size}";

    /// <summary>The layout of one process.</summary>
    public static ParallelLayout Alone() => new(ProcessGroup.Single(), experts: 1);

    /// <summary>Joins the other processes of this run; every process calls it.</summary>
    /// <param name="environment">This process's place.</param>
    /// <param name="settings">The configuration's; null for data parallelism over all processes.</param>
    /// <param name="device">Where this process computes.</param>
    /// <exception cref="InvalidInputException">The configuration asks for another number of processes.</exception>
    /// <exception cref="ProcessGroupException">A rank did not come within the time-out.</exception>
    public static ParallelLayout Join(DistributedEnvironment environment, ParallelSettings? settings, Device device)
    {
        if (environment.Size == 1) return Alone();
        var world = RankNetwork.Join(environment, device);
        try
        {
            RequireSize(world.Size, settings);
            return new(world, settings?.Experts ?? 1) { LocalSize = environment.LocalSize };
        }
        catch (Exception e)
        {
            world.ReportFailure(e);
            world.Dispose();
            throw;
        }
    }

    /// <summary>An all-gather of a few numbers.</summary>
    /// <param name="own">This rank's; equally many on every rank.</param>
    /// <returns>[world size][numbers], by rank; the same bits on every rank.</returns>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public double[][] Exchange(params ReadOnlySpan<double> own)
    {
        if (IsAlone) return [own.ToArray()];
        using var scope = TensorScope.Open();
        var all = Tensor.Empty([World.Size, own.Length], ScalarType.Float64);
        World.AllGather(all, Tensor.From(own));
        var numbers = all.ToArray<double>();
        return [.. numbers.Chunk(own.Length)];
    }

    /// <summary>The first rank's number, on every rank.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public double FromFirst(double number) => Exchange(number)[0][0];

    /// <summary>The sums over the data-parallel processes, the same bits on all of them.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public double[] SumOverData(double[] own)
    {
        if (Data.Size == 1) return own;
        using var scope = TensorScope.Open();
        var sums = Tensor.From<double>(own);
        Data.AllReduce(sums);
        return sums.ToArray<double>();
    }

    /// <summary>Of the rows that <see cref="Exchange"/> gave, one for each data rank: that of its first expert rank.</summary>
    public IEnumerable<double[]> OfDataRanks(double[][] exchanged) => exchanged.Where((_, rank) => rank % Experts.Size == 0);

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

    /// <summary>Tells the other ranks why this one ends; their messages repeat it.</summary>
    public void ReportFailure(Exception failure) => World.ReportFailure(failure);

    public void Dispose()
    {
        Data.Dispose();
        Experts.Dispose();
        World.Dispose();
    }
}
