using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

// Products with a matrix that is stored transposed. Parts of its depth are summed, then the parts.
internal static unsafe partial class FewRowsKernel
{
    // Rows of the matrix in a part, and in a work item: some 0.5 MB, which is read from its beginning to its end.
    private const int RowsOfPart = 128;

    /// <summary>Whether rows [n, in] can be multiplied by a matrix that is stored by columns, [in, out].</summary>
    public static bool SupportsColumns(Tensor x, Tensor matrix) =>
        Supports(x, matrix, x.Size(0)) && x.Size(1) % Lanes == 0;

    /// <summary>y[i, o] = Σ_k x[i, k] · w[k, o].</summary>
    /// <param name="x">[rows, depth].</param>
    /// <param name="w">[depth, outputs].</param>
    /// <param name="type">The weights': float32, bfloat16 or float16.</param>
    /// <param name="y">[rows, outputs].</param>
    /// <param name="rows">At most <see cref="MaxRows"/>.</param>
    /// <param name="outputs">A multiple of 16.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void MultiplyByColumns(float* x, nint w, ScalarType type, float* y, int rows, int outputs, int depth)
    {
        switch (type)
        {
            case ScalarType.BFloat16: MultiplyByColumns(x, (BFloat16Weight*)w, y, rows, outputs, depth); break;
            case ScalarType.Float16: MultiplyByColumns(x, (Float16Weight*)w, y, rows, outputs, depth); break;
            default: MultiplyByColumns(x, (Float32Weight*)w, y, rows, outputs, depth); break;
        }
    }

    private static void MultiplyByColumns<TWeight>(float* x, TWeight* w, float* y, int rows, int outputs, int depth)
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        if (rows == 1) MultiplyRowByColumns(x, w, y, outputs, depth);
        else MultiplyRowsByColumns(x, w, y, rows, outputs, depth);
    }

    private static void MultiplyRowByColumns<TWeight>(float* x, TWeight* w, float* y, int outputs, int depth)
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        var parts = (depth + RowsOfPart - 1) / RowsOfPart;
        using var scratch = new Scratch((long)parts * outputs);
        var sums = scratch.Take(parts * outputs);
        ParallelLoop.For(parts, part =>
        {
            var first = part * RowsOfPart;
            var count = Math.Min(RowsOfPart, depth - first);
            float* factors = x + first, sum = sums + (long)part * outputs;
            var matrix = w + (long)first * outputs;
            if (Vector512.IsHardwareAccelerated) WeightedSum<WideVector, TWeight>(factors, matrix, sum, outputs, count);
            else WeightedSum<NarrowVector, TWeight>(factors, matrix, sum, outputs, count);
        });
        new Span<float>(sums, outputs).CopyTo(new Span<float>(y, outputs));
        for (var part = 1; part < parts; part++) Add(sums + (long)part * outputs, y, outputs);
    }

    private static void MultiplyRowsByColumns<TWeight>(float* x, TWeight* w, float* y, int rows, int outputs, int depth)
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        const int Columns = 4 * Lanes;
        var padded = (rows + SmallGemm.RowTile - 1) / SmallGemm.RowTile * SmallGemm.RowTile;
        using var scratch = new Scratch((long)padded * (depth + outputs));
        var paddedX = scratch.Take(padded * depth);
        var paddedY = scratch.Take(padded * outputs);
        new Span<float>(x, rows * depth).CopyTo(new Span<float>(paddedX, rows * depth));
        new Span<float>(paddedX + rows * depth, (padded - rows) * depth).Clear();
        ParallelLoop.For((outputs + Columns - 1) / Columns, item =>
        {
            var first = item * Columns;
            var columns = Math.Min(Columns, outputs - first);
            var isNarrow = typeof(TWeight) != typeof(Float32Weight);
            using var own = new Scratch((long)columns * (padded + (isNarrow ? depth : 0)));
            var sums = own.Take(columns * padded);
            var (matrix, pitch) = isNarrow
                ? (Widened(w + first, columns, outputs, depth, own.Take(columns * depth)), columns)
                : ((nint)(w + first), outputs);
            for (var start = 0; start < depth; start += RowsOfPart)
            {
                var isFirst = start == 0;
                SmallGemm.Multiply(
                    paddedX + start, depth, 1, (float*)matrix + (long)start * pitch, pitch, isFirst ? paddedY + first : sums,
                    isFirst ? outputs : columns, padded, columns, Math.Min(RowsOfPart, depth - start), accumulate: false);
                for (var row = 0; !isFirst && row < rows; row++)
                    Add(sums + row * columns, paddedY + first + (long)row * outputs, columns);
            }
        });
        new Span<float>(paddedY, rows * outputs).CopyTo(new Span<float>(y, rows * outputs));
    }

    // Some columns of a matrix as a matrix of float32.
    private static nint Widened<TWeight>(TWeight* w, int columns, int outputs, int depth, float* to)
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        for (var k = 0; k < depth; k++)
        {
            if (Vector512.IsHardwareAccelerated)
                Widening.Widen<WideVector, TWeight>(w + (long)k * outputs, to + (long)k * columns, columns);
            else
                Widening.Widen<NarrowVector, TWeight>(w + (long)k * outputs, to + (long)k * columns, columns);
        }

        return (nint)to;
    }

    // y = Σ_k x[k] · w[k, :] in the order of k, as the tiles of SmallGemm sum; y stays in the cache.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeightedSum<TVector, TWeight>(float* x, TWeight* w, float* y, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        new Span<float>(y, outputs).Clear();
        for (var k = 0; k < depth; k++, w += outputs)
        {
            var factor = TVector.Create(x[k]);
            for (var i = 0; i < outputs; i += TVector.Count)
                TVector.Store(TVector.MultiplyAdd(factor, TWeight.Load<TVector>(w + i), TVector.Load(y + i)), y + i);
        }
    }

    private static void Add(float* terms, float* sums, int count)
    {
        for (var i = 0; i < count; i += Vector256<float>.Count)
            (Vector256.Load(sums + i) + Vector256.Load(terms + i)).Store(sums + i);
    }
}
