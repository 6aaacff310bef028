using System.Runtime.CompilerServices;

namespace Bam.Torch.Distributed;

/// <summary>How the ranks' elements become one, with c10d's numbers.</summary>
internal enum ReduceOperation
{
    Sum = 0,
    Min = 3,
    Max = 4,
}

// Operations on contiguous tensors of float32, float64, bfloat16 and int64, on the processor or on the group's GPU. Gloo of
// libtorch 1.13 does not add bfloat16: such sums of the processor's are taken in float32 on every version, and rounded once.
internal sealed unsafe partial class ProcessGroup
{
    /// <summary>Every rank's tensor becomes the reduction of all ranks' tensors of the same shape.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void AllReduce(Tensor tensor, ReduceOperation operation = ReduceOperation.Sum) =>
        AllReduceAsync(tensor, operation).Wait();

    /// <summary>Starts <see cref="AllReduce"/>; the tensor must not be used before the operation was waited for.</summary>
    public PendingOperation AllReduceAsync(Tensor tensor, ReduceOperation operation = ReduceOperation.Sum)
    {
        var name = Describe("all-reduce", tensor);
        if (IsAlone)
            return PendingOperation.Done;
        var (carried, finish) = Carry(tensor, writesBack: true, isReduced: true);
        return Begin(
            name, carried, finish, work => DistributedNative.bam_group_all_reduce(
                BackendOf(carried), carried.LiveHandle, (int)operation, Milliseconds, (nint*)work));
    }

    /// <summary>The root's tensor becomes the reduction of all ranks'; those of the others are undefined afterwards.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void Reduce(Tensor tensor, int root, ReduceOperation operation = ReduceOperation.Sum) =>
        ReduceAsync(tensor, root, operation).Wait();

    /// <summary>Starts <see cref="Reduce"/>.</summary>
    public PendingOperation ReduceAsync(Tensor tensor, int root, ReduceOperation operation = ReduceOperation.Sum)
    {
        var name = Describe($"reduce to rank {Member(root)}", tensor);
        if (IsAlone)
            return PendingOperation.Done;
        var (carried, finish) = Carry(tensor, writesBack: Rank == root, isReduced: true);
        return Begin(
            name, carried, finish, work => DistributedNative.bam_group_reduce(
                BackendOf(carried), carried.LiveHandle, root, (int)operation, Milliseconds, (nint*)work));
    }

    /// <summary>
    /// <paramref name="output"/> [n] becomes this rank's part of the reduction of all ranks' <paramref name="input"/> [size · n],
    /// which is undefined afterwards: one reduction for each part, as Gloo has no other way.
    /// </summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void ReduceScatter(Tensor output, Tensor input, ReduceOperation operation = ReduceOperation.Sum)
    {
        CheckParts("reduce-scatter", whole: input, part: output);
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var flat = input.View(-1);
        var parts = new Tensor[Size];
        var pending = new PendingOperation[Size];
        for (var i = 0; i < Size; i++)
            pending[i] = ReduceAsync(parts[i] = flat.Narrow(0, i * output.Count, output.Count), i, operation);
        PendingOperation.WaitAll(pending);
        output.View(-1).Copy_(parts[Rank]);
    }

    /// <summary>Every rank's tensor becomes a copy of the root's.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void Broadcast(Tensor tensor, int root) => BroadcastAsync(tensor, root).Wait();

    /// <summary>Starts <see cref="Broadcast"/>.</summary>
    public PendingOperation BroadcastAsync(Tensor tensor, int root)
    {
        var name = Describe($"broadcast from rank {Member(root)}", tensor);
        if (IsAlone)
            return PendingOperation.Done;
        var (carried, finish) = Carry(tensor, writesBack: true);
        return Begin(
            name, carried, finish, work => DistributedNative.bam_group_broadcast(
                BackendOf(carried), carried.LiveHandle, root, Milliseconds, (nint*)work));
    }

    /// <summary><paramref name="output"/> [size · n] becomes all ranks' <paramref name="input"/> [n], in their order.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void AllGather(Tensor output, Tensor input) => AllGatherAsync(output, input).Wait();

    /// <summary>Starts <see cref="AllGather"/>.</summary>
    public PendingOperation AllGatherAsync(Tensor output, Tensor input)
    {
        CheckParts("all-gather", whole: output, part: input);
        if (IsAlone)
            return CopyAlone(output, input);
        var (source, free) = Carry(input, writesBack: false);
        var (target, finish) = Carry(output, writesBack: true);
        return Begin(
            Describe("all-gather", input), source, free + finish, work => DistributedNative.bam_group_all_gather(
                BackendOf(source), target.LiveHandle, source.LiveHandle, Milliseconds, (nint*)work));
    }

    /// <summary>
    /// Sends the rows of <paramref name="input"/> [rows, …] to the ranks: the first <c>inputRows[0]</c> to rank 0, and so on.
    /// <paramref name="output"/> gets the received rows in the order of their ranks, <c>outputRows[i]</c> from rank i. Without
    /// counts every rank gets equally many.
    /// </summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void AllToAll(
        Tensor output, Tensor input, ReadOnlySpan<long> outputRows = default, ReadOnlySpan<long> inputRows = default)
    {
        var name = Describe("all-to-all", input);
        Describe("all-to-all", output);
        CheckRows(output, outputRows);
        CheckRows(input, inputRows);
        if (output.ScalarType != input.ScalarType || outputRows.Length != inputRows.Length)
            throw new ArgumentException($"expected one type and both counts or none, found {input} and {output}", nameof(output));
        if (IsAlone)
        {
            CopyAlone(output, input);
            return;
        }

        var (outputCounts, inputCounts) = (outputRows.ToArray(), inputRows.ToArray());
        var (source, free) = Carry(input, writesBack: false);
        var (target, finish) = Carry(output, writesBack: true);
        Begin(name, source, free + finish, work =>
        {
            fixed (long* outputs = outputCounts, inputs = inputCounts)
            {
                return DistributedNative.bam_group_all_to_all(
                    BackendOf(source), target.LiveHandle, source.LiveHandle, outputs, inputs, outputCounts.Length, Milliseconds,
                    (nint*)work);
            }
        }).Wait();
    }

    /// <summary>Sends a tensor to a rank that calls <see cref="Receive"/> with the same tag.</summary>
    /// <exception cref="ProcessGroupException">The rank is gone, or the time-out has passed.</exception>
    public void Send(Tensor tensor, int destination, int tag = 0) => PointToPoint(
        $"send to rank {OtherMember(destination)}", tensor, writesBack: false,
        (carried, work) => DistributedNative.bam_group_send(
            BackendOf(carried), carried.LiveHandle, destination, tag, (nint*)work));

    /// <summary>Fills a tensor with what a rank sends.</summary>
    /// <exception cref="ProcessGroupException">The rank is gone, or the time-out has passed.</exception>
    public void Receive(Tensor tensor, int source, int tag = 0) => PointToPoint(
        $"receive from rank {OtherMember(source)}", tensor, writesBack: true,
        (carried, work) => DistributedNative.bam_group_receive(
            BackendOf(carried), carried.LiveHandle, source, tag, (nint*)work));

    /// <summary>Returns when every rank has called it; what a GPU has yet to do does not count.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void Barrier()
    {
        if (IsAlone)
            return;
        using var scope = TensorScope.Open();
        // NCCL's own barrier guesses which GPU is this rank's.
        var pending = gloo == 0
            ? AllReduceAsync(Tensor.Zeros([1], device: world!.Options.Device))
            : Begin("barrier", null, null, work => DistributedNative.bam_group_barrier(gloo, Milliseconds, (nint*)work));
        pending.Wait();
    }

    /// <summary>The exception for a failed operation, with the message that libtorch left on this thread.</summary>
    internal ProcessGroupException Failed(string operation)
    {
        world!.HasFailed = true;
        return new ProcessGroupException(Name, WorldRank, operation, world.Blame(TcpStore.Reason()));
    }

    /// <summary>True where there is nobody to ask: the operations leave the data as they are.</summary>
    private bool IsAlone => world is null;

    private long Milliseconds => (long)world!.Options.Timeout.TotalMilliseconds;

    private PendingOperation Begin(string name, Tensor? tensor, Action? finish, Func<nint, int> begin)
    {
        ObjectDisposedException.ThrowIf(gloo == 0 && nccl == 0, this);
        nint work = 0;
        return begin((nint)(&work)) == 0
            ? new PendingOperation(this, name, work, finish) { IsPolled = tensor is { Device.IsCpu: false } }
            : throw Failed(name);
    }

    // c10d's limit for sends and receives is that of the wait.
    private void PointToPoint(string name, Tensor tensor, bool writesBack, Func<Tensor, nint, int> begin)
    {
        var description = Describe(name, tensor);
        var (carried, finish) = Carry(tensor, writesBack);
        Begin(description, carried, finish, work => begin(carried, work)).Wait(Milliseconds);
    }

    private nint BackendOf(Tensor tensor) => tensor.Device.IsCpu ? gloo : nccl;

    private bool CanCarry(Device device) => world is null || device.IsCpu || device == world.Options.Device;

    /// <summary>What the backend takes in a tensor's place, and what has to be done afterwards.</summary>
    private (Tensor Carried, Action? Finish) Carry(Tensor tensor, bool writesBack, bool isReduced = false)
    {
        // Without Gloo a tensor goes through the GPU; Gloo may be unable to add bfloat16.
        var place = tensor.Device.IsCpu && gloo == 0 ? world!.Options.Device : tensor.Device;
        var type = isReduced && place.IsCpu && tensor.ScalarType == ScalarType.BFloat16 ? ScalarType.Float32 : tensor.ScalarType;
        if (place == tensor.Device && type == tensor.ScalarType)
            return (tensor, null);
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var copy = tensor.To(place).To(type).DetachFromScope();
        return (copy, () =>
        {
            using var noGrad = NoGrad.Enter();
            if (writesBack)
                tensor.Copy_(copy);
            copy.Dispose();
        });
    }

    private static PendingOperation CopyAlone(Tensor output, Tensor input)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        output.View(-1).Copy_(input.View(-1));
        return PendingOperation.Done;
    }

    /// <summary>The operation with its tensor, for messages; checks that the tensor can be carried.</summary>
    private string Describe(string operation, Tensor tensor)
    {
        var isCarried = tensor.ScalarType is ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16 or ScalarType.Int64;
        if (!isCarried || !tensor.IsContiguous || !CanCarry(tensor.Device))
        {
            throw new ArgumentException(
                $"{operation}: expected a contiguous tensor of Float32, Float64, BFloat16 or Int64 on the processor or the "
                + $"group's GPU, found {tensor}{(tensor.IsContiguous ? "" : " with gaps")}",
                nameof(tensor));
        }

        return $"{operation} of {tensor}";
    }

    private void CheckParts(string operation, Tensor whole, Tensor part)
    {
        Describe(operation, whole);
        Describe(operation, part);
        if (whole.Count != part.Count * Size || whole.ScalarType != part.ScalarType)
            throw new ArgumentException($"{operation}: expected {Size} times {part}, found {whole}", nameof(whole));
    }

    private void CheckRows(
        Tensor tensor, ReadOnlySpan<long> counts, [CallerArgumentExpression(nameof(counts))] string? name = null)
    {
        var rows = tensor.Size(0);
        var sum = 0L;
        foreach (var count in counts)
            sum += count >= 0 ? count : throw new ArgumentOutOfRangeException(name, count, "a count of rows is negative");
        if (counts.IsEmpty ? rows % Size != 0 : counts.Length != Size || sum != rows)
        {
            var expected = counts.IsEmpty ? $"a multiple of {Size} rows" : $"{Size} counts of rows, {rows} together";
            throw new ArgumentException(
                $"all-to-all: expected {expected}, found {tensor} and [{string.Join(", ", counts.ToArray())}]", name);
        }
    }

    /// <summary>A member of this group by its rank among all processes, as messages name it.</summary>
    private int Member(int rank) =>
        rank >= 0 && rank < Size ? worldRanks[rank]
            : throw new ArgumentOutOfRangeException(nameof(rank), rank, $"expected a rank below {Size}");

    private int OtherMember(int rank) =>
        Member(rank) is var member && rank != Rank ? member
            : throw new ArgumentOutOfRangeException(nameof(rank), rank, "expected another rank");
}

/// <summary>An operation that was started. Its tensors must not be used before <see cref="Wait()"/> has returned.</summary>
internal sealed class PendingOperation
{
    private readonly ProcessGroup? group;
    private readonly string name;
    private readonly Action? finish;
    private nint work;

    internal PendingOperation(ProcessGroup? group, string name, nint work, Action? finish)
    {
        this.group = group;
        this.name = name;
        this.work = work;
        this.finish = finish;
    }

    /// <summary>Whether its end has to be asked for, as on a GPU.</summary>
    internal bool IsPolled { get; init; }

    /// <summary>An operation that needs no waiting.</summary>
    internal static PendingOperation Done { get; } = new(null, "", 0, null);

    /// <summary>Waits for all, in the order in which they began.</summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public static void WaitAll(ReadOnlySpan<PendingOperation> operations)
    {
        foreach (var operation in operations)
            operation.Wait();
    }

    /// <summary>
    /// Waits for the result, and writes it; a second call does nothing. It waits for a GPU too: only so is a failure noticed, and
    /// the wait limited.
    /// </summary>
    /// <exception cref="ProcessGroupException">A rank is gone, or the time-out has passed.</exception>
    public void Wait() => Wait(0);

    /// <summary>Waits at most that long; 0 for the time-out that the operation was started with.</summary>
    internal void Wait(long milliseconds)
    {
        var work = Interlocked.Exchange(ref this.work, 0);
        if (work == 0)
            return;
        if (DistributedNative.bam_work_wait(work, milliseconds, IsPolled ? 1 : 0) != 0)
            throw group!.Failed(name);
        finish?.Invoke();
    }
}
