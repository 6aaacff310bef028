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
    public static bool Supports(Tensor rows, Tensor matrix, long outputs) =>
        rows.Device.IsCpu && rows.ScalarType == ScalarType.Float32 && matrix.ScalarType == ScalarType.Float32
        && matrix.IsContiguous && SmallGemm.IsSupported && rows.Size(0) <= MaxRows
        && rows.Size(1) % Lanes == 0 && outputs % Lanes == 0;

    /// <summary>y[i, o] = Σ_k x[i, k] · w[o, k].</summary>
    /// <param name="x">[rows, depth].</param>
    /// <param name="w">[outputs, depth].</param>
    /// <param name="y">[rows, outputs].</param>
    /// <param name="rows">At most <see cref="MaxRows"/>.</param>
    /// <param name="outputs">A multiple of 16.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void MultiplyByRows(float* x, float* w, float* y, int rows, int outputs, int depth)
    {
        var step = Math.Max(Lanes, FloatsOfItem / depth / Lanes * Lanes);
        ParallelLoop.For((outputs + step - 1) / step, item =>
        {
            var end = Math.Min(outputs, (item + 1) * step);
            for (var output = item * step; output < end; output += Tile)
            {
                var matrix = w + (long)output * depth;
                var row = 0;
                for (; row + Tile <= rows; row += Tile)
                    Dots4(x + (long)row * depth, matrix, y + (long)row * outputs + output, outputs, depth);
                for (; row < rows; row++) Dots1(x + (long)row * depth, matrix, y + (long)row * outputs + output, depth);
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
        var padded = (rows + SmallGemm.RowTile - 1) / SmallGemm.RowTile * SmallGemm.RowTile;
        using var scratch = new Scratch((long)padded * (depth + outputs));
        var paddedX = scratch.Take(padded * depth);
        var paddedY = scratch.Take(padded * outputs);
        new Span<float>(x, rows * depth).CopyTo(new Span<float>(paddedX, rows * depth));
        new Span<float>(paddedX + rows * depth, (padded - rows) * depth).Clear();
        const int Columns = 4 * Lanes;
        ParallelLoop.For((outputs + Columns - 1) / Columns, item =>
        {
            var first = item * Columns;
            SmallGemm.Multiply(
                paddedX, depth, 1, w + first, outputs, paddedY + first, outputs, padded, Math.Min(Columns, outputs - first), depth,
                accumulate: false);
        });
        new Span<float>(paddedY, rows * outputs).CopyTo(new Span<float>(y, rows * outputs));
    }

    // Four rows of x with four of w.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots4(float* x, float* w, float* y, int outputs, int depth)
    {
        if (!Vector512.IsHardwareAccelerated)
        {
            for (var row = 0; row < Tile; row++) Dots1(x + (long)row * depth, w, y + (long)row * outputs, depth);
            return;
        }

        Vector512<float> s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default,
            s13 = default, s20 = default, s21 = default, s22 = default, s23 = default, s30 = default, s31 = default,
            s32 = default, s33 = default;
        for (var k = 0; k < depth; k += Lanes)
        {
            var (w0, w1) = (Vector512.Load(w + k), Vector512.Load(w + depth + k));
            var (w2, w3) = (Vector512.Load(w + 2 * depth + k), Vector512.Load(w + 3 * depth + k));
            var row = Vector512.Load(x + k);
            s00 = Vector512.FusedMultiplyAdd(row, w0, s00);
            s01 = Vector512.FusedMultiplyAdd(row, w1, s01);
            s02 = Vector512.FusedMultiplyAdd(row, w2, s02);
            s03 = Vector512.FusedMultiplyAdd(row, w3, s03);
            row = Vector512.Load(x + depth + k);
            s10 = Vector512.FusedMultiplyAdd(row, w0, s10);
            s11 = Vector512.FusedMultiplyAdd(row, w1, s11);
            s12 = Vector512.FusedMultiplyAdd(row, w2, s12);
            s13 = Vector512.FusedMultiplyAdd(row, w3, s13);
            row = Vector512.Load(x + 2 * depth + k);
            s20 = Vector512.FusedMultiplyAdd(row, w0, s20);
            s21 = Vector512.FusedMultiplyAdd(row, w1, s21);
            s22 = Vector512.FusedMultiplyAdd(row, w2, s22);
            s23 = Vector512.FusedMultiplyAdd(row, w3, s23);
            row = Vector512.Load(x + 3 * depth + k);
            s30 = Vector512.FusedMultiplyAdd(row, w0, s30);
            s31 = Vector512.FusedMultiplyAdd(row, w1, s31);
            s32 = Vector512.FusedMultiplyAdd(row, w2, s32);
            s33 = Vector512.FusedMultiplyAdd(row, w3, s33);
        }

        Store(y, s00, s01, s02, s03);
        Store(y + outputs, s10, s11, s12, s13);
        Store(y + 2L * outputs, s20, s21, s22, s23);
        Store(y + 3L * outputs, s30, s31, s32, s33);
    }

    // One row of x with four of w.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots1(float* x, float* w, float* y, int depth)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (var k = 0; k < depth; k += Lanes)
        {
            var row = Vector512.Load(x + k);
            s0 = Vector512.FusedMultiplyAdd(row, Vector512.Load(w + k), s0);
            s1 = Vector512.FusedMultiplyAdd(row, Vector512.Load(w + depth + k), s1);
            s2 = Vector512.FusedMultiplyAdd(row, Vector512.Load(w + 2 * depth + k), s2);
            s3 = Vector512.FusedMultiplyAdd(row, Vector512.Load(w + 3 * depth + k), s3);
        }

        Store(y, s0, s1, s2, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3)
    {
        y[0] = Vector512.Sum(s0);
        y[1] = Vector512.Sum(s1);
        y[2] = Vector512.Sum(s2);
        y[3] = Vector512.Sum(s3);
    }
}
