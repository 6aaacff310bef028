using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// Products of a few rows with a weight matrix, as in decoding, where reading the matrix is what takes the time: it is read once,
/// and not packed. Each number of the result is summed in one order, whatever the number of rows: what is computed for a sequence
/// does not depend on the sequences beside it.
/// </summary>
internal static unsafe class FewRowsKernel
{
    /// <summary>The most rows; BLAS is faster beyond.</summary>
    public const int MaxRows = 128;

    private const int Lanes = 16;
    private const int Tile = 4;

    // Floats of the matrix in one work item: some 128 KiB, which stay in the cache of a core while the rows pass by.
    private const int FloatsOfItem = 32 * 1024;

    /// <summary>Whether the kernel can multiply rows [n, in] by a matrix of <paramref name="outputs"/> columns.</summary>
    /// <param name="rows">[n, in].</param>
    /// <param name="matrix">[outputs, in], or [in, outputs] if <paramref name="byColumns"/>.</param>
    /// <param name="outputs">The columns of the product.</param>
    /// <param name="byColumns">Whether <see cref="MultiplyByColumns"/> is to be used.</param>
    public static bool Supports(Tensor rows, Tensor matrix, long outputs, bool byColumns = false) =>
        rows.Device.IsCpu && rows.ScalarType == ScalarType.Float32 && matrix.ScalarType == ScalarType.Float32
        && matrix.IsContiguous && SmallGemm.IsSupported && rows.Size(0) <= MaxRows
        && rows.Size(1) % Lanes == 0 && (!byColumns || outputs % Lanes == 0);

    /// <summary>y[i, o] = Σ_k x[i, k] · w[o, k].</summary>
    /// <param name="x">[rows, depth].</param>
    /// <param name="w">[outputs, depth].</param>
    /// <param name="y">[rows, outputs].</param>
    /// <param name="rows">At most <see cref="MaxRows"/>.</param>
    /// <param name="outputs">Any number, such as a router's.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void MultiplyByRows(float* x, float* w, float* y, int rows, int outputs, int depth)
    {
        if (outputs < Tile)
        {
            for (var i = 0; i < rows * outputs; i++)
                y[i] = Dot(x + i / outputs * (long)depth, w + i % outputs * (long)depth, depth);
            return;
        }

        var step = Math.Max(Lanes, FloatsOfItem / depth / Lanes * Lanes);
        ParallelLoop.For((outputs + step - 1) / step, item =>
        {
            var end = Math.Min(outputs, (item + 1) * step);
            for (var next = item * step; next < end; next += Tile)
            {
                // The last tile may repeat numbers of the one before, with the same result.
                var output = Math.Min(next, outputs - Tile);
                if (rows == 1 && next + 2 * Tile <= end)
                {
                    if (Vector512.IsHardwareAccelerated) DotsOfRow512(x, w + (long)output * depth, y + output, depth);
                    else DotsOfRow256(x, w + (long)output * depth, y + output, depth);
                    next += Tile;
                    continue;
                }

                if (Vector512.IsHardwareAccelerated)
                    Dots512(x, w + (long)output * depth, y + output, rows, outputs, depth);
                else Dots256(x, w + (long)output * depth, y + output, rows, outputs, depth);
            }
        });
    }

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
                WeightedSum(x, w + first, y + first, Math.Min(ColumnsOfRow, outputs - first), outputs, depth);
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

    private static float Dot(float* x, float* w, int depth)
    {
        var sum = Vector256<float>.Zero;
        for (var k = 0; k < depth; k += Lanes / 2)
            sum = Vector256.FusedMultiplyAdd(Vector256.Load(x + k), Vector256.Load(w + k), sum);
        return Vector256.Sum(sum);
    }

    // Some columns of y = Σ_k x[k] · w[k, :], in the order of k, as the tiles of SmallGemm sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeightedSum(float* x, float* w, float* y, int columns, int outputs, int depth)
    {
        var column = 0;
        for (; column + 8 * Lanes <= columns && Vector512.IsHardwareAccelerated; column += 8 * Lanes)
        {
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default,
                s7 = default;
            var row = w + column;
            for (var k = 0; k < depth; k++, row += outputs)
            {
                var factor = Vector512.Create(x[k]);
                s0 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row), s0);
                s1 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row + Lanes), s1);
                s2 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row + 2 * Lanes), s2);
                s3 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row + 3 * Lanes), s3);
                s4 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row + 4 * Lanes), s4);
                s5 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row + 5 * Lanes), s5);
                s6 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row + 6 * Lanes), s6);
                s7 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row + 7 * Lanes), s7);
            }

            var to = y + column;
            s0.Store(to);
            s1.Store(to + Lanes);
            s2.Store(to + 2 * Lanes);
            s3.Store(to + 3 * Lanes);
            s4.Store(to + 4 * Lanes);
            s5.Store(to + 5 * Lanes);
            s6.Store(to + 6 * Lanes);
            s7.Store(to + 7 * Lanes);
        }

        for (; column + 4 * Lanes <= columns && !Vector512.IsHardwareAccelerated; column += 4 * Lanes)
            WeightedSum256(x, w + column, y + column, outputs, depth);

        for (; column < columns; column += Lanes)
        {
            var sum = Vector512<float>.Zero;
            for (var k = 0; k < depth; k++)
            {
                sum = Vector512.FusedMultiplyAdd(
                    Vector512.Create(x[k]), Vector512.Load(w + (long)k * outputs + column), sum);
            }

            sum.Store(y + column);
        }
    }

    // 64 columns with AVX2.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeightedSum256(float* x, float* w, float* y, int outputs, int depth)
    {
        const int HalfLanes = Lanes / 2;
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default,
            s7 = default;
        for (var k = 0; k < depth; k++, w += outputs)
        {
            var factor = Vector256.Create(x[k]);
            s0 = Vector256.FusedMultiplyAdd(factor, Vector256.Load(w), s0);
            s1 = Vector256.FusedMultiplyAdd(factor, Vector256.Load(w + HalfLanes), s1);
            s2 = Vector256.FusedMultiplyAdd(factor, Vector256.Load(w + 2 * HalfLanes), s2);
            s3 = Vector256.FusedMultiplyAdd(factor, Vector256.Load(w + 3 * HalfLanes), s3);
            s4 = Vector256.FusedMultiplyAdd(factor, Vector256.Load(w + 4 * HalfLanes), s4);
            s5 = Vector256.FusedMultiplyAdd(factor, Vector256.Load(w + 5 * HalfLanes), s5);
            s6 = Vector256.FusedMultiplyAdd(factor, Vector256.Load(w + 6 * HalfLanes), s6);
            s7 = Vector256.FusedMultiplyAdd(factor, Vector256.Load(w + 7 * HalfLanes), s7);
        }

        s0.Store(y);
        s1.Store(y + HalfLanes);
        s2.Store(y + 2 * HalfLanes);
        s3.Store(y + 3 * HalfLanes);
        s4.Store(y + 4 * HalfLanes);
        s5.Store(y + 5 * HalfLanes);
        s6.Store(y + 6 * HalfLanes);
        s7.Store(y + 7 * HalfLanes);
    }

    // All rows of x with four of w, four rows at a time: 16 accumulators, 4 vectors of w and one of x in 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots512(float* x, float* w, float* y, int rows, int outputs, int depth)
    {
        var row = 0;
        for (; row + Tile <= rows; row += Tile, x += Tile * (long)depth, y += Tile * (long)outputs)
        {
            Vector512<float> s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default,
                s12 = default, s13 = default, s20 = default, s21 = default, s22 = default, s23 = default, s30 = default,
                s31 = default, s32 = default, s33 = default;
            for (var k = 0; k < depth; k += Lanes)
            {
                var (w0, w1) = (Vector512.Load(w + k), Vector512.Load(w + depth + k));
                var (w2, w3) = (Vector512.Load(w + 2L * depth + k), Vector512.Load(w + 3L * depth + k));
                var a = Vector512.Load(x + k);
                (s00, s01) = (Vector512.FusedMultiplyAdd(a, w0, s00), Vector512.FusedMultiplyAdd(a, w1, s01));
                (s02, s03) = (Vector512.FusedMultiplyAdd(a, w2, s02), Vector512.FusedMultiplyAdd(a, w3, s03));
                a = Vector512.Load(x + depth + k);
                (s10, s11) = (Vector512.FusedMultiplyAdd(a, w0, s10), Vector512.FusedMultiplyAdd(a, w1, s11));
                (s12, s13) = (Vector512.FusedMultiplyAdd(a, w2, s12), Vector512.FusedMultiplyAdd(a, w3, s13));
                a = Vector512.Load(x + 2L * depth + k);
                (s20, s21) = (Vector512.FusedMultiplyAdd(a, w0, s20), Vector512.FusedMultiplyAdd(a, w1, s21));
                (s22, s23) = (Vector512.FusedMultiplyAdd(a, w2, s22), Vector512.FusedMultiplyAdd(a, w3, s23));
                a = Vector512.Load(x + 3L * depth + k);
                (s30, s31) = (Vector512.FusedMultiplyAdd(a, w0, s30), Vector512.FusedMultiplyAdd(a, w1, s31));
                (s32, s33) = (Vector512.FusedMultiplyAdd(a, w2, s32), Vector512.FusedMultiplyAdd(a, w3, s33));
            }

            Store(y, s00, s01, s02, s03);
            Store(y + outputs, s10, s11, s12, s13);
            Store(y + 2L * outputs, s20, s21, s22, s23);
            Store(y + 3L * outputs, s30, s31, s32, s33);
        }

        for (; row < rows; row++, x += depth, y += outputs)
        {
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
            for (var k = 0; k < depth; k += Lanes)
            {
                var a = Vector512.Load(x + k);
                s0 = Vector512.FusedMultiplyAdd(a, Vector512.Load(w + k), s0);
                s1 = Vector512.FusedMultiplyAdd(a, Vector512.Load(w + depth + k), s1);
                s2 = Vector512.FusedMultiplyAdd(a, Vector512.Load(w + 2L * depth + k), s2);
                s3 = Vector512.FusedMultiplyAdd(a, Vector512.Load(w + 3L * depth + k), s3);
            }

            Store(y, s0, s1, s2, s3);
        }
    }

    // The same with AVX2, two rows at a time: 8 accumulators, 4 vectors of w and 2 of x in 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots256(float* x, float* w, float* y, int rows, int outputs, int depth)
    {
        const int HalfLanes = Lanes / 2;
        var row = 0;
        for (; row + 2 <= rows; row += 2, x += 2L * depth, y += 2L * outputs)
        {
            Vector256<float> s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default,
                s12 = default, s13 = default;
            for (var k = 0; k < depth; k += HalfLanes)
            {
                var (a, b) = (Vector256.Load(x + k), Vector256.Load(x + depth + k));
                var c = Vector256.Load(w + k);
                (s00, s10) = (Vector256.FusedMultiplyAdd(a, c, s00), Vector256.FusedMultiplyAdd(b, c, s10));
                c = Vector256.Load(w + depth + k);
                (s01, s11) = (Vector256.FusedMultiplyAdd(a, c, s01), Vector256.FusedMultiplyAdd(b, c, s11));
                c = Vector256.Load(w + 2L * depth + k);
                (s02, s12) = (Vector256.FusedMultiplyAdd(a, c, s02), Vector256.FusedMultiplyAdd(b, c, s12));
                c = Vector256.Load(w + 3L * depth + k);
                (s03, s13) = (Vector256.FusedMultiplyAdd(a, c, s03), Vector256.FusedMultiplyAdd(b, c, s13));
            }

            Store(y, s00, s01, s02, s03);
            Store(y + outputs, s10, s11, s12, s13);
        }

        if (row == rows) return;
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (var k = 0; k < depth; k += HalfLanes)
        {
            var a = Vector256.Load(x + k);
            s0 = Vector256.FusedMultiplyAdd(a, Vector256.Load(w + k), s0);
            s1 = Vector256.FusedMultiplyAdd(a, Vector256.Load(w + depth + k), s1);
            s2 = Vector256.FusedMultiplyAdd(a, Vector256.Load(w + 2L * depth + k), s2);
            s3 = Vector256.FusedMultiplyAdd(a, Vector256.Load(w + 3L * depth + k), s3);
        }

        Store(y, s0, s1, s2, s3);
    }

    // One row of x with eight of w: enough accumulators to hide the latency of the sums.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotsOfRow512(float* x, float* w, float* y, int depth)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default,
            s7 = default;
        var v = w + (long)Tile * depth;
        for (var k = 0; k < depth; k += Lanes)
        {
            var a = Vector512.Load(x + k);
            s0 = Vector512.FusedMultiplyAdd(a, Vector512.Load(w + k), s0);
            s1 = Vector512.FusedMultiplyAdd(a, Vector512.Load(w + depth + k), s1);
            s2 = Vector512.FusedMultiplyAdd(a, Vector512.Load(w + 2L * depth + k), s2);
            s3 = Vector512.FusedMultiplyAdd(a, Vector512.Load(w + 3L * depth + k), s3);
            s4 = Vector512.FusedMultiplyAdd(a, Vector512.Load(v + k), s4);
            s5 = Vector512.FusedMultiplyAdd(a, Vector512.Load(v + depth + k), s5);
            s6 = Vector512.FusedMultiplyAdd(a, Vector512.Load(v + 2L * depth + k), s6);
            s7 = Vector512.FusedMultiplyAdd(a, Vector512.Load(v + 3L * depth + k), s7);
        }

        Store(y, s0, s1, s2, s3);
        Store(y + Tile, s4, s5, s6, s7);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotsOfRow256(float* x, float* w, float* y, int depth)
    {
        const int HalfLanes = Lanes / 2;
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default,
            s7 = default;
        var v = w + (long)Tile * depth;
        for (var k = 0; k < depth; k += HalfLanes)
        {
            var a = Vector256.Load(x + k);
            s0 = Vector256.FusedMultiplyAdd(a, Vector256.Load(w + k), s0);
            s1 = Vector256.FusedMultiplyAdd(a, Vector256.Load(w + depth + k), s1);
            s2 = Vector256.FusedMultiplyAdd(a, Vector256.Load(w + 2L * depth + k), s2);
            s3 = Vector256.FusedMultiplyAdd(a, Vector256.Load(w + 3L * depth + k), s3);
            s4 = Vector256.FusedMultiplyAdd(a, Vector256.Load(v + k), s4);
            s5 = Vector256.FusedMultiplyAdd(a, Vector256.Load(v + depth + k), s5);
            s6 = Vector256.FusedMultiplyAdd(a, Vector256.Load(v + 2L * depth + k), s6);
            s7 = Vector256.FusedMultiplyAdd(a, Vector256.Load(v + 3L * depth + k), s7);
        }

        Store(y, s0, s1, s2, s3);
        Store(y + Tile, s4, s5, s6, s7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3) =>
        VectorMath.Sums(s0, s1, s2, s3).Store(y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector256<float> s0, Vector256<float> s1, Vector256<float> s2, Vector256<float> s3) =>
        VectorMath.Sums(s0, s1, s2, s3).Store(y);
}
