using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// Products of many rows with a matrix of a few outputs, as a router's, and their gradients. BLAS copies the rows first, which
/// takes longer than the product. Sums have one order, whatever the number of threads.
/// </summary>
internal static unsafe class FewOutputsKernel
{
    private const int MostOutputs = 16;
    private const int RowsOfItem = 64;

    // Each of these parts has sums of its own for the weights' gradient.
    private const int RowsOfPart = 256;

    /// <summary>Whether rows [n, in] can be multiplied by a matrix [out, in].</summary>
    public static bool Supports(Tensor rows, Tensor matrix) =>
        rows.Device.IsCpu && rows.ScalarType == ScalarType.Float32 && matrix.ScalarType == ScalarType.Float32
        && rows.IsContiguous && matrix.IsContiguous && SmallGemm.IsSupported && matrix.Size(0) <= MostOutputs
        && matrix.Size(1) % SmallGemm.Lanes == 0;

    /// <summary>y[i, o] = Σ_k x[i, k] · w[o, k].</summary>
    /// <param name="x">[rows, depth].</param>
    /// <param name="w">[outputs, depth].</param>
    /// <param name="y">[rows, outputs].</param>
    /// <param name="rows">Any number.</param>
    /// <param name="outputs">At most 16.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void Multiply(float* x, float* w, float* y, int rows, int outputs, int depth)
    {
        var items = new RowGroup[Items(rows, RowsOfItem)];
        for (var item = 0; item < items.Length; item++)
        {
            var first = item * RowsOfItem;
            items[item] = new(first, Math.Min(RowsOfItem, rows - first), (nint)w);
        }

        FewRowsKernel.MultiplyGroups(x, items, ScalarType.Float32, y, outputs, depth);
    }

    /// <summary>The gradient of the rows: dx[i, k] = Σ_o dy[i, o] · w[o, k].</summary>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="w">[outputs, depth].</param>
    /// <param name="dx">[rows, depth], overwritten.</param>
    /// <param name="rows">Any number.</param>
    /// <param name="outputs">At most 16.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void MultiplyBack(float* dy, float* w, float* dx, int rows, int outputs, int depth) =>
        ParallelLoop.For(Items(rows, RowsOfItem), item =>
        {
            for (var row = item * RowsOfItem; row < Math.Min((item + 1) * RowsOfItem, rows); row++)
            {
                float* factors = dy + (long)row * outputs, sums = dx + (long)row * depth;
                if (Vector512.IsHardwareAccelerated) WeightedSum<WideVector>(factors, w, sums, outputs, depth);
                else WeightedSum<NarrowVector>(factors, w, sums, outputs, depth);
            }
        });

    /// <summary>Adds the weights' gradient: dw[o, k] += Σ_i dy[i, o] · x[i, k].</summary>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="x">[rows, depth].</param>
    /// <param name="dw">[outputs, depth].</param>
    /// <param name="rows">Any number.</param>
    /// <param name="outputs">At most 16.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void AddGradient(float* dy, float* x, float* dw, int rows, int outputs, int depth)
    {
        var (parts, size) = (Items(rows, RowsOfPart), outputs * depth);
        using var scratch = new Scratch((long)parts * size);
        var sums = scratch.Take(parts * size);
        ParallelLoop.For(parts, part =>
        {
            var own = sums + (long)part * size;
            new Span<float>(own, size).Clear();
            for (var row = part * RowsOfPart; row < Math.Min((part + 1) * RowsOfPart, rows); row++)
            {
                for (var output = 0; output < outputs; output++)
                {
                    var factor = dy[(long)row * outputs + output];
                    Add(x + (long)row * depth, factor, own + output * depth, depth);
                }
            }
        });
        for (var part = 0; part < parts; part++) Add(sums + (long)part * size, 1, dw, size);
    }

    private static int Items(int rows, int rowsOfItem) => (rows + rowsOfItem - 1) / rowsOfItem;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeightedSum<TVector>(float* factors, float* w, float* sums, int outputs, int depth)
        where TVector : struct, IVector<TVector>
    {
        for (var k = 0; k < depth; k += TVector.Count)
        {
            TVector sum = default;
            for (var output = 0; output < outputs; output++)
                sum = TVector.MultiplyAdd(TVector.Create(factors[output]), TVector.Load(w + (long)output * depth + k), sum);
            TVector.Store(sum, sums + k);
        }
    }

    private static void Add(float* terms, float factor, float* sums, int count)
    {
        if (Vector512.IsHardwareAccelerated) Add<WideVector>(terms, factor, sums, count);
        else Add<NarrowVector>(terms, factor, sums, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add<TVector>(float* terms, float factor, float* sums, int count)
        where TVector : struct, IVector<TVector>
    {
        var factors = TVector.Create(factor);
        for (var k = 0; k < count; k += TVector.Count)
            TVector.Store(TVector.MultiplyAdd(factors, TVector.Load(terms + k), TVector.Load(sums + k)), sums + k);
    }
}
