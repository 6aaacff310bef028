using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

// Products with a matrix that is stored transposed.
internal static unsafe partial class FewRowsKernel
{
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
        if (rows == 1)
        {
            const int ColumnsOfRow = 8 * Lanes;
            ParallelLoop.For((outputs + ColumnsOfRow - 1) / ColumnsOfRow, item =>
            {
                var first = item * ColumnsOfRow;
                var columns = Math.Min(ColumnsOfRow, outputs - first);
                if (Vector512.IsHardwareAccelerated)
                    WeightedSum<WideVector, TWeight>(x, w + first, y + first, columns, outputs, depth);
                else
                    WeightedSum<NarrowVector, TWeight>(x, w + first, y + first, columns, outputs, depth);
            });
            return;
        }

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
            using var wide = new Scratch(isNarrow ? (long)columns * depth : 0);
            var (matrix, pitch) = isNarrow
                ? (Widened(w + first, columns, outputs, depth, wide.Take(columns * depth)), columns)
                : ((nint)(w + first), outputs);
            SmallGemm.Multiply(
                paddedX, depth, 1, (float*)matrix, pitch, paddedY + first, outputs, padded, columns, depth, accumulate: false);
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

    // Some columns of y = Σ_k x[k] · w[k, :], in the order of k, as the tiles of SmallGemm sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeightedSum<TVector, TWeight>(float* x, TWeight* w, float* y, int columns, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        var (column, lanes) = (0, TVector.Count);
        for (; column + 8 * lanes <= columns; column += 8 * lanes)
        {
            TVector s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default,
                s7 = default;
            var row = w + column;
            for (var k = 0; k < depth; k++, row += outputs)
            {
                var factor = TVector.Create(x[k]);
                s0 = TVector.MultiplyAdd(factor, TWeight.Load<TVector>(row), s0);
                s1 = TVector.MultiplyAdd(factor, TWeight.Load<TVector>(row + lanes), s1);
                s2 = TVector.MultiplyAdd(factor, TWeight.Load<TVector>(row + 2 * lanes), s2);
                s3 = TVector.MultiplyAdd(factor, TWeight.Load<TVector>(row + 3 * lanes), s3);
                s4 = TVector.MultiplyAdd(factor, TWeight.Load<TVector>(row + 4 * lanes), s4);
                s5 = TVector.MultiplyAdd(factor, TWeight.Load<TVector>(row + 5 * lanes), s5);
                s6 = TVector.MultiplyAdd(factor, TWeight.Load<TVector>(row + 6 * lanes), s6);
                s7 = TVector.MultiplyAdd(factor, TWeight.Load<TVector>(row + 7 * lanes), s7);
            }

            var to = y + column;
            TVector.Store(s0, to);
            TVector.Store(s1, to + lanes);
            TVector.Store(s2, to + 2 * lanes);
            TVector.Store(s3, to + 3 * lanes);
            TVector.Store(s4, to + 4 * lanes);
            TVector.Store(s5, to + 5 * lanes);
            TVector.Store(s6, to + 6 * lanes);
            TVector.Store(s7, to + 7 * lanes);
        }

        for (; column < columns; column += lanes)
        {
            TVector sum = default;
            for (var k = 0; k < depth; k++)
                sum = TVector.MultiplyAdd(TVector.Create(x[k]), TWeight.Load<TVector>(w + (long)k * outputs + column), sum);
            TVector.Store(sum, y + column);
        }
    }
}
