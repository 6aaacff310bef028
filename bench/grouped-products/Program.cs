using System.Diagnostics;
using Bam.Torch;

namespace Bam.Bench.GroupedProducts;

/// <summary>
/// What one grouped product would gain over a product for each expert: x·Wᵀ of tokens sorted by expert, in the sizes of the
/// paper's small BAM. Prints "NAME: MICROSECONDS" for each way, or that this libtorch or device does not have it.
/// </summary>
internal static class Program
{
    private const int Tokens = 8 * 2048;
    private const int Hidden = 1024;

    // Gate and up together.
    private const int Intermediate = 2 * 2048;
    private const int Experts = 4;

    // Of the tokens, as routers divide them: no two alike.
    private static readonly int[] s_sixteenths = [7, 4, 3, 2];

    private static readonly Operator s_grouped = Operator.Get("aten::_grouped_mm");

    private static void Main(string[] arguments)
    {
        LibTorch.Load();
        var device = Device.Parse(arguments is [var name, ..] ? name : "auto");
        // A processor needs seconds for what takes a GPU less than a millisecond.
        var scale = device.IsCpu ? 32 : 1;
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var type = device.IsCpu ? ScalarType.Float32 : ScalarType.BFloat16;
        var x = Tensor.Full([Tokens / scale, Hidden], 0.01, type, device);
        var weights = Tensor.Full([Experts, Hidden, Intermediate], 0.02, type, device);
        var each = Enumerable.Range(0, Experts)
            .Select(expert => weights.Narrow(0, expert, 1).View(Hidden, Intermediate)).ToArray();

        long[] counts = [.. s_sixteenths.Select(part => part * (long)Tokens / scale / 16)];
        var ends = new int[Experts];
        for (int expert = 0, end = 0; expert < Experts; expert++) ends[expert] = end += (int)counts[expert];
        var offsets = Tensor.From<int>(ends, device);

        Report("one product", () => x.MatMul(each[0]));
        Report("one by one", OneByOne);
        if (!s_grouped.IsAvailable) Console.WriteLine($"grouped: libtorch {LibTorch.Info.Version} has no {s_grouped.FullName}");
        else if (device.IsCpu) Console.WriteLine("grouped: not measured on a processor");
        else Report("grouped", () => s_grouped.Call(x, weights, offsets));

        Tensor OneByOne()
        {
            var first = 0L;
            var products = new Tensor[Experts];
            for (var expert = 0; expert < Experts; first += counts[expert++])
                products[expert] = x.Narrow(0, first, counts[expert]).MatMul(each[expert]);
            return Tensor.Cat(products);
        }

        void Report(string way, Func<Tensor> product)
        {
            try
            {
                Console.WriteLine(FormattableString.Invariant($"{way}: {Microseconds(device, product):0} µs"));
            }
            catch (TorchException e)
            {
                Console.WriteLine($"{way}: {e.Message.Split('\n')[0]}");
            }
        }
    }

    /// <summary>The mean of many in a row, after as many to warm up.</summary>
    private static double Microseconds(Device device, Func<Tensor> product)
    {
        var start = 0L;
        var repeats = device.IsCpu ? 3 : 50;
        for (var i = -repeats; i < repeats; i++)
        {
            if (i == 0)
            {
                device.Synchronize();
                start = Stopwatch.GetTimestamp();
            }

            using var scope = TensorScope.Open();
            product();
        }

        device.Synchronize();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / repeats;
    }
}
