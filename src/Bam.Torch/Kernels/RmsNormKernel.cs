using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// y = w ∘ x / √(mean(x²) + ε) of rows x (RMSNorm, arXiv 1910.07467), and its gradients, over all threads. Backward computes the
/// root again: a row is in the cache anyway.
/// </summary>
/// <param name="norms">The rows of the weight [norms, width], which rows of x take in turn.</param>
/// <param name="width">A multiple of 16.</param>
/// <param name="eps">ε.</param>
internal sealed unsafe class RmsNormKernel(int norms, int width, float eps)
{
    private const int Lanes = 16;

    // Rows of a work item, whatever the number of threads: the order of a sum does not depend on it.
    private const int RowsOfItem = 64;

    /// <summary>Whether the kernel can take rows [.., W].</summary>
    public static bool Supports(Tensor x) =>
        x.Device.IsCpu && x.ScalarType == ScalarType.Float32 && SmallGemm.IsSupported && x.Size(-1) % Lanes == 0;

    /// <summary>Writes y, [rows · norms, width] as x.</summary>
    public void Forward(float* x, float* weight, float* y, int rows) =>
        ParallelLoop.For(Items(rows), item =>
        {
            if (Vector512.IsHardwareAccelerated) ForwardRows<WideVector>(x, weight, y, First(item), End(item, rows));
            else ForwardRows<PairedVector>(x, weight, y, First(item), End(item, rows));
        });

    /// <summary>
    /// With r = 1 / √(mean(x²) + ε) and g = w ∘ dy: dx = r g - x r³ mean(g ∘ x), and dw, the sum over the rows of r x ∘ dy.
    /// </summary>
    public void Backward(float* x, float* weight, float* dy, float* dx, float* dw, int rows)
    {
        var size = norms * width;
        using var scratch = new Scratch((long)Items(rows) * size);
        var sums = scratch.Take(Items(rows) * size);
        ParallelLoop.For(Items(rows), item =>
        {
            var sum = sums + (long)item * size;
            new Span<float>(sum, size).Clear();
            if (Vector512.IsHardwareAccelerated)
                BackwardRows<WideVector>(x, weight, dy, dx, sum, First(item), End(item, rows));
            else
                BackwardRows<PairedVector>(x, weight, dy, dx, sum, First(item), End(item, rows));
        });
        new Span<float>(dw, size).Clear();
        for (var item = 0; item < Items(rows); item++)
        {
            for (var i = 0; i < size; i++) dw[i] += sums[(long)item * size + i];
        }
    }

    private static int Items(int rows) => (rows + RowsOfItem - 1) / RowsOfItem;

    private static int First(int item) => item * RowsOfItem;

    private static int End(int item, int rows) => Math.Min(rows, First(item + 1));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ForwardRows<TVector>(float* x, float* weight, float* y, int first, int end)
        where TVector : struct, IWideVector<TVector>
    {
        for (var row = (long)first * norms; row < (long)end * norms; row++)
        {
            float* from = x + row * width, to = y + row * width, w = weight + row % norms * width;
            var root = TVector.Create(InverseRoot<TVector>(from));
            for (var i = 0; i < width; i += TVector.Count)
                TVector.Store(TVector.Load(from + i) * root * TVector.Load(w + i), to + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void BackwardRows<TVector>(float* x, float* weight, float* dy, float* dx, float* dw, int first, int end)
        where TVector : struct, IWideVector<TVector>
    {
        for (var row = (long)first * norms; row < (long)end * norms; row++)
        {
            float* from = x + row * width, gradient = dy + row * width, to = dx + row * width;
            float* w = weight + row % norms * width, sum = dw + row % norms * width;
            TVector products = default;
            for (var i = 0; i < width; i += TVector.Count)
            {
                var g = TVector.Load(w + i) * TVector.Load(gradient + i);
                products = TVector.MultiplyAdd(g, TVector.Load(from + i), products);
            }

            var r = InverseRoot<TVector>(from);
            var (root, slope) = (TVector.Create(r), TVector.Create(-r * r * r * TVector.Sum(products) / width));
            for (var i = 0; i < width; i += TVector.Count)
            {
                var (value, g) = (TVector.Load(from + i), TVector.Load(gradient + i));
                TVector.Store(TVector.MultiplyAdd(value, slope, root * TVector.Load(w + i) * g), to + i);
                TVector.Store(TVector.MultiplyAdd(value * root, g, TVector.Load(sum + i)), sum + i);
            }
        }
    }

    private float InverseRoot<TVector>(float* row)
        where TVector : struct, IWideVector<TVector>
    {
        TVector squares = default;
        for (var i = 0; i < width; i += TVector.Count)
        {
            var value = TVector.Load(row + i);
            squares = TVector.MultiplyAdd(value, value, squares);
        }

        return 1 / MathF.Sqrt(TVector.Sum(squares) / width + eps);
    }
}
