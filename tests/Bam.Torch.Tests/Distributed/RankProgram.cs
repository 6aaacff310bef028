using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Bam.Torch.Distributed;

namespace Bam.Torch.Tests.Distributed;

/// <summary>
/// One rank of a test: <c>SCENARIO RANK SIZE PORT TIMEOUT JOIN-TIMEOUT [DEVICE]</c>, both in seconds. What a scenario finds goes
/// to standard output, a failure to standard error. <c>eng/check-gpu.sh</c> starts it too.
/// </summary>
internal static class RankProgram
{
    /// <summary>Elements of a tensor; small integers, exact also in bfloat16.</summary>
    public const int Count = 4;

    private static readonly ScalarType[] s_types =
        [ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Int64];

    private static Device s_device;

    private static readonly Dictionary<string, Action<ProcessGroup>> s_scenarios = new()
    {
        ["operations"] = Operations,
        ["bits"] = Bits,
        ["speed"] = Speed,
        ["subgroups"] = Subgroups,
        ["asynchronous"] = Asynchronous,
        ["middle-rank-waits"] = group => WaitForever(group, 1),
        ["first-rank-waits"] = group => WaitForever(group, 0),
        ["middle-rank-throws"] = group => Throw(group, 1),
        ["first-rank-throws"] = group => Throw(group, 0),
        ["middle-rank-leaves"] = Leave,
        ["pair-waits"] = WaitInPair,
    };

    private static int Main(string[] arguments)
    {
        var numbers = arguments[1..6].Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        LibTorch.Load(new LibTorchOptions { Threads = 1 });
        try
        {
            // "cuda" is one GPU for each rank.
            s_device = Device.Parse(arguments.ElementAtOrDefault(6) ?? "cpu", localRank: numbers[0]);
            using var group = ProcessGroup.Open(new ProcessGroupOptions
            {
                Store = new StoreAddress("127.0.0.1", numbers[2]),
                Rank = numbers[0],
                Size = numbers[1],
                Timeout = TimeSpan.FromSeconds(numbers[3]),
                JoinTimeout = TimeSpan.FromSeconds(numbers[4]),
                Device = s_device,
                RequiresBackend = true,
            });
            try
            {
                s_scenarios[arguments[0]](group);
            }
            catch (Exception e)
            {
                group.ReportFailure(e);
                throw;
            }

            return 0;
        }
        catch (Exception e) when (e is ProcessGroupException or InvalidOperationException or FormatException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static void Operations(ProcessGroup group)
    {
        foreach (var type in s_types)
        {
            using var scope = TensorScope.Open();
            Tensor Own() => Ramp(group.Rank + 1, type);

            foreach (var operation in Enum.GetValues<ReduceOperation>())
            {
                var reduced = Own();
                group.AllReduce(reduced, operation);
                Write($"all-reduce {operation} {type}", reduced);
            }

            var root = group.Size - 1;
            var sum = Own();
            group.Reduce(sum, root);
            if (group.Rank == root)
                Write($"reduce {type}", sum);

            var copy = Own();
            group.Broadcast(copy, root);
            Write($"broadcast {type}", copy);

            var gathered = Tensor.Zeros([group.Size * Count], type, s_device);
            group.AllGather(gathered, Own());
            Write($"all-gather {type}", gathered);

            var part = Tensor.Zeros([Count / group.Size], type, s_device);
            group.ReduceScatter(part, Own());
            Write($"reduce-scatter {type}", part);

            var exchanged = Tensor.Zeros([Count], type, s_device);
            group.AllToAll(exchanged, Own());
            Write($"all-to-all {type}", exchanged);

            // Rank r sends r + 1 rows of two columns to each rank.
            var rows = group.Rank + 1L;
            var uneven = Tensor.Zeros([group.Size * (group.Size + 1) / 2, 2], type, s_device);
            group.AllToAll(
                uneven,
                Tensor.Full([group.Size * rows, 2], group.Rank + 1, type, s_device),
                [.. Enumerable.Range(1, group.Size).Select(count => (long)count)],
                [.. Enumerable.Repeat(rows, group.Size)]);
            Write($"uneven all-to-all {type}", uneven);

            if (group.Size == 1)
                continue;
            var received = Tensor.Zeros([Count], type, s_device);
            if (group.Rank % 2 == 0)
            {
                group.Send(Own(), group.Rank + 1, tag: 7);
                group.Receive(received, group.Rank + 1, tag: 8);
            }
            else
            {
                group.Receive(received, group.Rank - 1, tag: 7);
                group.Send(Own(), group.Rank - 1, tag: 8);
            }

            Write($"send and receive {type}", received);
        }

        // What lies on the processor is carried too, whatever the group's device.
        using (TensorScope.Open())
        {
            var sum = Tensor.From<float>([group.Rank + 1]);
            group.AllReduce(sum);
            Write("on the processor", sum);
        }

        group.Barrier();
    }

    /// <summary>Seconds of one sum, from its call until the caller may go on: the best of some.</summary>
    private static void Speed(ProcessGroup group)
    {
        foreach (var count in new[] { 1 << 10, 1 << 22 })
        {
            using var scope = TensorScope.Open();
            var tensor = Tensor.Zeros([count], device: s_device);
            var best = double.PositiveInfinity;
            for (var i = 0; i < 20; i++)
            {
                s_device.Synchronize();
                var start = Stopwatch.GetTimestamp();
                group.AllReduce(tensor);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            Console.WriteLine(FormattableString.Invariant($"all-reduce of {count * sizeof(float)} bytes: {best * 1e6:0} µs"));
        }
    }

    private static void Bits(ProcessGroup group)
    {
        foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float64 })
        {
            using var scope = TensorScope.Open();
            var values = Enumerable.Range(0, 100_003).Select(i => (float)Math.Sin((i * 12.9898) + group.Rank)).ToArray();
            var tensor = Tensor.From<float>(values, s_device).To(type);
            group.AllReduce(tensor);
            var wide = tensor.To(ScalarType.Float64).To(Device.Cpu).ToArray<double>();
            Console.WriteLine($"{type}: {Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes<double>(wide)))}");
        }
    }

    /// <summary>Four ranks as two rows and two columns.</summary>
    private static void Subgroups(ProcessGroup group)
    {
        using var scope = TensorScope.Open();
        var (row, column) = (group.Rank / 2, group.Rank % 2);
        using var rows = group.Subgroup([2 * row, (2 * row) + 1], $"row {row}");
        using var columns = group.Subgroup([column + 2, column], $"column {column}");
        foreach (var member in new[] { rows, columns })
        {
            var sum = Ramp(group.Rank + 1, ScalarType.Float32);
            member.AllReduce(sum);
            Write($"{member.Name}, rank {member.Rank}", sum);
        }

        using var alone = columns.Subgroup([columns.Rank], "alone");
        var own = Ramp(group.Rank + 1, ScalarType.Float32);
        alone.AllReduce(own);
        Write($"{alone.Name}, rank {alone.Rank}", own);
    }

    private static void Asynchronous(ProcessGroup group)
    {
        using var scope = TensorScope.Open();
        var tensors = Enumerable.Range(0, 20).Select(i => Ramp(i + group.Rank, s_types[i % s_types.Length])).ToArray();
        var pending = tensors.Select(tensor => group.AllReduceAsync(tensor)).ToArray();
        PendingOperation.WaitAll(pending);
        for (var i = 0; i < tensors.Length; i++)
            Write($"bucket {i}", tensors[i]);
    }

    /// <summary>One rank says that it is ready, and the test kills or stops it; then the others, which need it, go on.</summary>
    private static void WaitForever(ProcessGroup group, int rank)
    {
        group.Barrier();
        if (group.Rank == rank)
        {
            Console.WriteLine("ready");
            Thread.Sleep(Timeout.Infinite);
        }

        Console.In.ReadLine();
        using var scope = TensorScope.Open();
        group.AllReduce(Ramp(1, ScalarType.Float32));
    }

    /// <summary>The last of three ranks is the second of a pair, and does not do its part there.</summary>
    private static void WaitInPair(ProcessGroup group)
    {
        using var pair = group.Rank == 0 ? null : group.Subgroup([1, 2], "pair");
        group.Barrier();
        if (group.Rank == 2)
        {
            Console.WriteLine("ready");
            Thread.Sleep(Timeout.Infinite);
        }

        Console.In.ReadLine();
        using var scope = TensorScope.Open();
        var tensor = Ramp(1, ScalarType.Float32);
        if (pair is null)
            group.AllReduce(tensor);
        else
            pair.Receive(tensor, 1);
    }

    private static void Throw(ProcessGroup group, int rank)
    {
        group.Barrier();
        if (group.Rank == rank)
            throw new InvalidOperationException("the disk is full\nsecond line");
        using var scope = TensorScope.Open();
        group.AllReduce(Ramp(1, ScalarType.Float32));
    }

    private static void Leave(ProcessGroup group)
    {
        group.Barrier();
        if (group.Rank != 1)
            group.Barrier();
    }

    private static Tensor Ramp(int factor, ScalarType type) =>
        Tensor.From<float>([.. Enumerable.Range(1, Count).Select(i => (float)(i * factor))], s_device).To(type);

    private static void Write(string name, Tensor tensor) =>
        Console.WriteLine($"{name}: {string.Join(' ', tensor.To(ScalarType.Float64).To(Device.Cpu).ToArray<double>())}");
}
