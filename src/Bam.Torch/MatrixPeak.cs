using System.Diagnostics;

namespace Bam.Torch;

/// <summary>The rate of matrix products on this machine, the reference for "fraction of peak".</summary>
internal static class MatrixPeak
{
    // The first product includes the BLAS's initialisation, and a single one may be disturbed by other load.
    private const int FewestProducts = 5;

    private static readonly Operator s_product = Operator.Get("aten::mm", "out");

    // On a GPU the smaller products take less time than their start.
    private const long SizeOnProcessor = 2048;
    private const long SizeOnGpu = 8192;

    /// <summary>
    /// The rate of the fastest of many products of square matrices, of 2048 rows on a CPU (the default) and 8192 on a GPU, in
    /// GFLOP/s. Half a second suffices on an idle machine.
    /// </summary>
    public static double Measure(TimeSpan? duration = null, Device? device = null, ScalarType type = ScalarType.Float32)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var place = device ?? Device.Cpu;
        var size = place.IsCpu ? SizeOnProcessor : SizeOnGpu;
        var left = Tensor.Full([size, size], 0.5, type, place);
        var right = Tensor.Full([size, size], 0.25, type, place);
        var product = Tensor.Empty([size, size], type, place);
        var best = TimeSpan.MaxValue;
        var limit = duration ?? TimeSpan.FromSeconds(0.5);
        var start = Stopwatch.GetTimestamp();
        for (var products = 0; products < FewestProducts || Stopwatch.GetElapsedTime(start) < limit; products++)
        {
            var begin = Stopwatch.GetTimestamp();
            s_product.Invoke(left, right, product);
            place.Synchronize();
            var elapsed = Stopwatch.GetElapsedTime(begin);
            if (elapsed < best)
                best = elapsed;
        }

        return 2.0 * size * size * size / best.TotalSeconds / 1e9;
    }
}
