using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training.Distributed;

namespace Bam.Bench.Plan;

/// <summary>
/// One of the ranks that a launcher starts: <c>GROUP-SIZE BYTES</c>. Ranks with consecutive numbers are a group, and all groups
/// all-reduce at the same time: a tensor of BYTES for the bandwidth, a single number for the latency. Prints a JSON line.
/// </summary>
internal static class Program
{
    private const int WarmUp = 5, Large = 30, Small = 300;

    private static void Main(string[] arguments)
    {
        var (size, bytes) = (Number(arguments[0]), Number(arguments[1]));
        LibTorch.Load(new() { Threads = 1 });
        using var world = ProcessGroup.Open(
            DistributedEnvironment.Current().GroupOptions(Device.Cpu, ProcessGroupOptions.DefaultTimeout));
        var first = world.Rank / size * size;
        using var group = world.Subgroup([.. Enumerable.Range(first, size)], $"group {first}");
        var small = Seconds(world, group, 1, Small);
        var large = Seconds(world, group, bytes / sizeof(float), Large);
        var hops = 2 * (size - 1);
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            latency = small / hops,
            bandwidth = (double)hops / size * bytes / (large - small),
        }));
    }

    // The median of several; a rank that is behind delays the others, as it does in training.
    private static double Seconds(ProcessGroup world, ProcessGroup group, int count, int times)
    {
        using var scope = TensorScope.Open();
        var tensor = Tensor.Zeros([count]);
        var seconds = new double[times];
        world.Barrier();
        for (var i = -WarmUp; i < times; i++)
        {
            var start = Stopwatch.GetTimestamp();
            group.AllReduce(tensor);
            if (i >= 0) seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Array.Sort(seconds);
        return seconds[times / 2];
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
