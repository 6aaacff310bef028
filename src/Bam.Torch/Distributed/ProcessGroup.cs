using System.Diagnostics;

namespace Bam.Torch.Distributed;

/// <summary>How a process joins the group of all processes of a run.</summary>
internal sealed record ProcessGroupOptions
{
    /// <summary>How long an operation waits for the other ranks.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(10);

    public required StoreAddress Store { get; init; }

    /// <summary>What <see cref="Store"/> was read from, for messages: "MASTER_ADDR and MASTER_PORT".</summary>
    public string AddressSource { get; init; } = "";

    /// <summary>From 0 to <see cref="Size"/> - 1.</summary>
    public required int Rank { get; init; }

    public required int Size { get; init; }

    /// <summary>The time-out of each operation.</summary>
    public TimeSpan Timeout { get; init; } = DefaultTimeout;

    /// <summary>How long a process waits for the store, and for the other members of a group to join.</summary>
    public TimeSpan JoinTimeout { get; init; } = DefaultTimeout;

    /// <summary>
    /// Where this process computes: NCCL carries the tensors of that GPU, and Gloo those of the processor. A build without Gloo
    /// sends these through the GPU.
    /// </summary>
    public Device Device { get; init; }

    /// <summary>
    /// Whether a group of one process uses its backends too, which it does not need: so that they can be tried on one device.
    /// </summary>
    public bool RequiresBackend { get; init; }
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
    private const string WorldName = "world";

    private readonly World? world;
    private readonly bool ownsWorld;
    private readonly int[] worldRanks;

    // 0: there is none.
    private nint gloo;
    private nint nccl;

    private ProcessGroup(string name, int rank, int[] worldRanks, World? world, bool ownsWorld)
    {
        Name = name;
        Rank = rank;
        this.worldRanks = worldRanks;
        this.world = world;
        this.ownsWorld = ownsWorld;
    }

    public string Name { get; }

    /// <summary>This process in this group, from 0.</summary>
    public int Rank { get; }

    public int Size => worldRanks.Length;

    /// <summary>This process among all of the run: the rank that messages name.</summary>
    private int WorldRank => worldRanks[Rank];

    /// <summary>A group of this process alone.</summary>
    public static ProcessGroup Single() => new(WorldName, 0, [0], null, ownsWorld: false);

    /// <summary>Joins the group of all processes, named <c>world</c>; every process calls it. Rank 0 runs the store.</summary>
    /// <exception cref="ProcessGroupException">
    /// This build has no process groups, the store is not there, or a rank did not come within the time-out or reported
    /// that it cannot start.
    /// </exception>
    public static ProcessGroup Open(ProcessGroupOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Size, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Rank, options.Size);
        if (options.Size == 1 && !options.RequiresBackend)
            return Single();

        GroupBackends.RequireFor(options.Device.Type);
        var world = World.Open(options);
        try
        {
            return Join(WorldName, options.Rank, AllRanks(options), world, ownsWorld: true);
        }
        catch
        {
            world.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Tells the other processes, which call <see cref="Open"/>, why this one does not: they throw with its message. Waits for
    /// them until the time to join is over.
    /// </summary>
    /// <exception cref="ProcessGroupException">
    /// This build has no process groups, the store is not there, or a rank did not come within the time-out.
    /// </exception>
    public static void ReportFailedStart(ProcessGroupOptions options, Exception failure)
    {
        GroupBackends.RequireFor(options.Device.Type);
        using var world = World.Open(options);
        world.Meet(WorldName, PrefixOf(WorldName), AllRanks(options), options.Rank, FirstLine(failure));
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
        return members.Length == 1 ? new(name, 0, members, null, ownsWorld: false)
            : Join(name, place, members, world!, ownsWorld: false);
    }

    /// <summary>
    /// Tells the other ranks why this process ends; their messages repeat it. A <see cref="ProcessGroupException"/> is not passed
    /// on: its cause is another rank, and is known already.
    /// </summary>
    public void ReportFailure(Exception failure)
    {
        if (failure is not ProcessGroupException)
            world?.Heartbeat.ReportFailure(FirstLine(failure));
        if (world is not null) world.HasFailed = true;
    }

    /// <summary>Leaves the group. The group of all processes is disposed of last.</summary>
    public void Dispose()
    {
        Close(Interlocked.Exchange(ref nccl, 0));
        Close(Interlocked.Exchange(ref gloo, 0));
        if (ownsWorld)
            world!.Dispose();
    }

    /// <summary>Closes the connections; ranks that wait on them learn thereby that this one has ended.</summary>
    private void Close(nint handle)
    {
        if (handle == 0)
            return;
        if (!world!.HasFailed)
        {
            _ = DistributedNative.bam_group_free(handle);
            return;
        }

        // After a failure, other operations may be pending. Closing waits for them, which must not delay the process's end.
        var closing = new Thread(() => _ = DistributedNative.bam_group_free(handle)) { IsBackground = true, Name = "closing" };
        closing.Start();
        closing.Join(Heartbeat.Interval);
    }

    private static string PrefixOf(string group) => $"group/{group}";

    private static int[] AllRanks(ProcessGroupOptions options) => [.. Enumerable.Range(0, options.Size)];

    private static string FirstLine(Exception failure) => failure.Message.Split('\n')[0];

    private static ProcessGroup Join(string name, int rank, int[] members, World world, bool ownsWorld)
    {
        var prefix = PrefixOf(name);
        world.Meet(name, prefix, members, members[rank]);
        var group = new ProcessGroup(name, rank, members, world, ownsWorld);
        try
        {
            if (GroupBackends.Has(GroupBackend.Gloo))
                group.gloo = world.OpenGroup(prefix, rank, members.Length, GroupBackend.Gloo);
            if (!world.Options.Device.IsCpu)
                group.nccl = world.OpenGroup($"{prefix}/nccl", rank, members.Length, GroupBackend.Nccl);
            return group;
        }
        catch (TorchException)
        {
            var reason = TcpStore.Reason();
            var failure = new ProcessGroupException(name, members[rank], "connecting the ranks", world.Blame(reason));
            world.HasFailed = true;
            group.Close(group.gloo);
            throw failure;
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

    /// <summary>An operation of one of the groups has failed, or the process ends by another failure.</summary>
    public bool HasFailed { get; set; }

    public static World Open(ProcessGroupOptions options)
    {
        var store = options.Rank == 0 && options.Store.IsServedByRankZero
            ? TcpStore.Serve(options.Store, options.JoinTimeout)
            : TcpStore.Connect(options.Store, options.JoinTimeout, options.AddressSource);
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

    /// <summary>Joins a backend of a group, whose keys stand behind <paramref name="prefix"/>.</summary>
    /// <exception cref="TorchException">Another member could not be reached.</exception>
    public nint OpenGroup(string prefix, int rank, int size, GroupBackend backend) =>
        Store.OpenGroup(prefix, rank, size, backend, Options.Timeout);

    /// <summary>
    /// Waits until all members of a group are there. A member that cannot take part leaves its <paramref name="fault"/> for the
    /// others.
    /// </summary>
    /// <exception cref="ProcessGroupException">Names those that are not there, or the first that cannot take part.</exception>
    public void Meet(string name, string prefix, int[] members, int self, string fault = "")
    {
        string Arrival(int member) => $"{prefix}/arrived/{member}";
        try
        {
            Store.Set(Arrival(self), fault);
        }
        catch (TorchException e)
        {
            throw new ProcessGroupException(name, self, "joining", Blame(e.Message));
        }

        var clock = Stopwatch.StartNew();
        foreach (var member in members)
        {
            if (Store.Wait(Arrival(member), Options.JoinTimeout - clock.Elapsed))
            {
                // Who has a fault of its own stays until all have come to read it.
                if (fault.Length == 0 && FaultOf(Arrival(member)) is { Length: > 0 } other)
                    throw new ProcessGroupException(
                        name, Array.IndexOf(members, self), "joining", $"rank {member} failed: {other}");
                continue;
            }

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

    // A store that is silent now is found out by the operations that follow.
    private string? FaultOf(string arrival)
    {
        try
        {
            return Store.Get(arrival);
        }
        catch (TorchException)
        {
            return null;
        }
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
