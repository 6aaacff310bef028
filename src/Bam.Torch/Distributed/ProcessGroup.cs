using System.Diagnostics;

namespace Bam.Torch.Distributed;

/// <summary>How a process joins the group of all processes of a run.</summary>
internal sealed record ProcessGroupOptions
{
    /// <summary>How long an operation waits for the other ranks.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(10);

    public required StoreAddress Store { get; init; }

    /// <summary>From 0 to <see cref="Size"/> - 1.</summary>
    public required int Rank { get; init; }

    public required int Size { get; init; }

    /// <summary>The time-out of each operation.</summary>
    public TimeSpan Timeout { get; init; } = DefaultTimeout;

    /// <summary>How long a process waits for the store, and for the other members of a group to join.</summary>
    public TimeSpan JoinTimeout { get; init; } = DefaultTimeout;

    /// <summary>Where the tensors are: Gloo carries those of processors, NCCL those of GPUs.</summary>
    public DeviceType Device { get; init; } = DeviceType.Cpu;
}

/// <summary>
/// Processes that compute together, each with a rank. Every member calls the same operations in the same order; an operation
/// involves all of them. A group of one process needs no network: its operations leave the data as they are.
/// </summary>
/// <remarks>
/// Sums are the same bits on every rank and in every run of the same size. A failed operation throws
/// <see cref="ProcessGroupException"/>; afterwards the group is of no use, and the process should end.
/// </remarks>
internal sealed unsafe partial class ProcessGroup : IDisposable
{
    private readonly World? world;
    private readonly bool ownsWorld;
    private readonly int[] worldRanks;
    private nint backend;
    private bool hasFailed;

    private ProcessGroup(string name, int rank, int[] worldRanks, World? world, bool ownsWorld, nint backend)
    {
        Name = name;
        Rank = rank;
        this.worldRanks = worldRanks;
        this.world = world;
        this.ownsWorld = ownsWorld;
        this.backend = backend;
    }

    public string Name { get; }

    /// <summary>This process in this group, from 0.</summary>
    public int Rank { get; }

    public int Size => worldRanks.Length;

    /// <summary>This process among all of the run: the rank that messages name.</summary>
    private int WorldRank => worldRanks[Rank];

    /// <summary>A group of this process alone.</summary>
    public static ProcessGroup Single() => new("world", 0, [0], null, ownsWorld: false, 0);

    /// <summary>Joins the group of all processes, named <c>world</c>; every process calls it. Rank 0 runs the store.</summary>
    /// <exception cref="ProcessGroupException">
    /// This build has no process groups, the store is not there, or a rank did not come within the time-out.
    /// </exception>
    public static ProcessGroup Open(ProcessGroupOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Size, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Rank, options.Size);
        if (options.Size == 1)
            return Single();

        GroupBackends.Require(GroupBackends.For(options.Device));
        var world = World.Open(options);
        try
        {
            return Join("world", options.Rank, [.. Enumerable.Range(0, options.Size)], world, ownsWorld: true);
        }
        catch
        {
            world.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A group of some members of this one, which get the ranks 0, 1, … in the order given. Its members, and no others, call this
    /// with the same arguments.
    /// </summary>
    /// <param name="ranks">Ranks in this group; this process's is among them.</param>
    /// <param name="name">For messages; no two groups that overlap may have the same.</param>
    /// <exception cref="ProcessGroupException">A member did not come within the time-out.</exception>
    public ProcessGroup Subgroup(ReadOnlySpan<int> ranks, string name)
    {
        var place = ranks.IndexOf(Rank);
        if (place < 0 || ranks.ContainsAnyExceptInRange(0, Size - 1) || ranks.ToArray().Distinct().Count() != ranks.Length)
        {
            throw new ArgumentException(
                $"expected different ranks below {Size} with {Rank} among them, found {string.Join(", ", ranks.ToArray())}",
                nameof(ranks));
        }

        var members = new int[ranks.Length];
        for (var i = 0; i < members.Length; i++)
            members[i] = worldRanks[ranks[i]];
        return members.Length == 1 ? new(name, 0, members, null, ownsWorld: false, 0)
            : Join(name, place, members, world!, ownsWorld: false);
    }

    /// <summary>
    /// Tells the other ranks why this process ends; their messages repeat it. A <see cref="ProcessGroupException"/> is not passed
    /// on: its cause is another rank, and is known already.
    /// </summary>
    public void ReportFailure(Exception failure)
    {
        if (failure is not ProcessGroupException)
            world?.Heartbeat.ReportFailure(failure.Message.Split('\n')[0]);
        hasFailed = true;
    }

    /// <summary>Leaves the group. The group of all processes is disposed of last.</summary>
    public void Dispose()
    {
        var handle = Interlocked.Exchange(ref backend, 0);
        if (handle != 0)
            Close(handle);
        if (ownsWorld)
            world!.Dispose();
    }

    /// <summary>Closes the connections; ranks that wait on them learn thereby that this one has ended.</summary>
    private void Close(nint handle)
    {
        if (!hasFailed)
        {
            _ = DistributedNative.bam_group_free(handle);
            return;
        }

        // After a failure, other operations may be pending. Closing waits for them, which must not delay the process's end.
        var closing = new Thread(() => _ = DistributedNative.bam_group_free(handle)) { IsBackground = true, Name = "closing" };
        closing.Start();
        closing.Join(Heartbeat.Interval);
    }

    private static ProcessGroup Join(string name, int rank, int[] members, World world, bool ownsWorld)
    {
        var prefix = $"group/{name}";
        world.Meet(name, prefix, members, members[rank]);
        try
        {
            var timeout = world.Options.Timeout;
            var handle = world.Store.OpenGroup(prefix, rank, members.Length, world.Backend, timeout);
            return new(name, rank, members, world, ownsWorld, handle);
        }
        catch (TorchException)
        {
            var reason = TcpStore.Reason();
            throw new ProcessGroupException(name, members[rank], "connecting the ranks", world.Blame(reason));
        }
    }
}

/// <summary>What all groups of a process share: the store, and the heartbeat.</summary>
internal sealed class World : IDisposable
{
    private World(ProcessGroupOptions options, TcpStore store, Heartbeat heartbeat)
    {
        Options = options;
        Store = store;
        Heartbeat = heartbeat;
    }

    public ProcessGroupOptions Options { get; }

    public TcpStore Store { get; }

    public Heartbeat Heartbeat { get; }

    public GroupBackend Backend => GroupBackends.For(Options.Device);

    public static World Open(ProcessGroupOptions options)
    {
        var store = options.Rank == 0 && options.Store.IsServedByRankZero
            ? TcpStore.Serve(options.Store, options.JoinTimeout)
            : TcpStore.Connect(options.Store, options.JoinTimeout);
        try
        {
            return new World(options, store, Heartbeat.Start(options.Store, options.Rank, options.Size, options.JoinTimeout));
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Waits until all members of a group are there.</summary>
    /// <exception cref="ProcessGroupException">Names those that are not.</exception>
    public void Meet(string name, string prefix, int[] members, int self)
    {
        string Arrival(int member) => $"{prefix}/arrived/{member}";
        try
        {
            Store.Set(Arrival(self), "");
        }
        catch (TorchException e)
        {
            throw new ProcessGroupException(name, self, "joining", Blame(e.Message));
        }

        var clock = Stopwatch.StartNew();
        foreach (var member in members)
        {
            if (Store.Wait(Arrival(member), Options.JoinTimeout - clock.Elapsed))
                continue;
            var reason = TcpStore.Reason();
            var missing = clock.Elapsed >= Options.JoinTimeout ? Missing(members, Arrival) : null;
            throw new ProcessGroupException(
                name,
                self,
                "joining",
                missing is null ? Blame(reason) : $"{missing} did not come within {Options.JoinTimeout.TotalSeconds:0.#} s");
        }
    }

    /// <summary>The rank at fault, as far as it can be known, with libtorch's reason.</summary>
    public string Blame(string reason) => $"{Heartbeat.FindCause() ?? "every rank still responds"} ({reason})";

    public void Dispose()
    {
        Heartbeat.Stop();
        Store.Dispose();
    }

    /// <summary>The ranks that have not arrived; read over a new connection, as a time-out makes a connection unusable.</summary>
    private string? Missing(int[] members, Func<int, string> arrival)
    {
        try
        {
            using var store = TcpStore.Connect(Options.Store, Heartbeat.Patience * Heartbeat.Interval);
            var missing = members.Where(member => !store.Has(arrival(member))).ToArray();
            return missing.Length switch
            {
                0 => null,
                1 => $"rank {missing[0]}",
                _ => $"ranks {string.Join(", ", missing)}",
            };
        }
        catch (Exception e) when (e is TorchException or ProcessGroupException)
        {
            return null;
        }
    }
}
