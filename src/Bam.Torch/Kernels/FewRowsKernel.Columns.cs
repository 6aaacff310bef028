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
    /// <param name="y">[rows, outputs].</param>
    /// <param name="rows">At most <see cref="MaxRows"/>.</param>
    /// <param name="outputs">A multiple of 16.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void MultiplyByColumns(float* x, float* w, float* y, int rows, int outputs, int depth)
    {
        if (rows == 1)
        {
            const int ColumnsOfRow = 8 * Lanes;
            ParallelLoop.For((outputs + ColumnsOfRow - 1) / ColumnsOfRow, item =>
            {
                var first = item * ColumnsOfRow;
                var columns = Math.Min(ColumnsOfRow, outputs - first);
                if (Vector512.IsHardwareAccelerated) WeightedSum<WideVector>(x, w + first, y + first, columns, outputs, depth);
                else WeightedSum<NarrowVector>(x, w + first, y + first, columns, outputs, depth);
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
            SmallGemm.Multiply(
                paddedX, depth, 1, w + first, outputs, paddedY + first, outputs, padded, Math.Min(Columns, outputs - first),
                depth, accumulate: false);
        });
        new Span<float>(paddedY, rows * outputs).CopyTo(new Span<float>(y, rows * outputs));
    }

    // Some columns of y = Σ_k x[k] · w[k, :], in the order of k, as the tiles of SmallGemm sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeightedSum<TVector>(float* x, float* w, float* y, int columns, int outputs, int depth)
        where TVector : struct, IVector<TVector>
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
                s0 = TVector.MultiplyAdd(factor, TVector.Load(row), s0);
                s1 = TVector.MultiplyAdd(factor, TVector.Load(row + lanes), s1);
                s2 = TVector.MultiplyAdd(factor, TVector.Load(row + 2 * lanes), s2);
                s3 = TVector.MultiplyAdd(factor, TVector.Load(row + 3 * lanes), s3);
                s4 = TVector.MultiplyAdd(factor, TVector.Load(row + 4 * lanes), s4);
                s5 = TVector.MultiplyAdd(factor, TVector.Load(row + 5 * lanes), s5);
                s6 = TVector.MultiplyAdd(factor, TVector.Load(row + 6 * lanes), s6);
                s7 = TVector.MultiplyAdd(factor, TVector.Load(row + 7 * lanes), s7);
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
                sum = TVector.MultiplyAdd(TVector.Create(x[k]), TVector.Load(w + (long)k * outputs + column), sum);
            TVector.Store(sum, y + column);
        }
    }
}
