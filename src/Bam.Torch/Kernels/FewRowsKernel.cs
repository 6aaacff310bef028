using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// Products of a few rows with a weight matrix, as in decoding, where reading the matrix is what takes the time: it is read once,
/// and not packed. Each number of the result is summed in one order, whatever the number of rows: what is computed for a sequence
/// does not depend on the sequences beside it. That order is by blocks of the depth, each summed in vectors.
/// </summary>
internal static unsafe partial class FewRowsKernel
{
    /// <summary>
    /// The most rows of one matrix: a part of a prompt, and the tokens that are decoded beside it. BLAS is faster beyond.
    /// </summary>
    public const int MaxRows = 160;

    private const int Lanes = 16;

    // A line of the cache. A vector of as many bytes that begins elsewhere spans two lines.
    private const int Alignment = 64;

    // A multiple of both tiles' outputs, four and six.
    private const int OutputMultiple = 12;

    // Rows of x are multiplied in pieces of this size, which stay in the L2 cache; deep rows in pieces of LeastRowsAtATime.
    private const int BytesOfRows = 512 * 1024;
    private const int LeastRowsAtATime = 32;

    // Of the matrix in one work item, about: the processor's own prefetching starts anew with each.
    private const int BytesOfItem = 1024 * 1024;

    // A smaller matrix is not worth a second thread.
    private const int BytesOfThread = 128 * 1024;

    // Of the depth: a tile's rows of the matrix, so long, stay in the L1 cache.
    private const int BlockLength = 1024;

    private const int MostRowsOfNarrow = 2;

    /// <summary>Whether rows [n, in] can be multiplied by a matrix that is stored by rows, [out, in].</summary>
    /// <param name="x">[n, in]; its width is not checked, so that it may stand for others of its kind.</param>
    /// <param name="matrix">[out, in].</param>
    /// <param name="rows">Rows of one matrix; the average if x has rows of several.</param>
    public static bool Supports(Tensor x, Tensor matrix, long rows) =>
        x.Device.IsCpu && x.ScalarType == ScalarType.Float32
        && matrix.ScalarType is ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16
        && matrix.IsContiguous && SmallGemm.IsSupported && rows <= MaxRows && matrix.Size(1) % Lanes == 0;

    /// <summary>y[i, o] = Σ_k x[i, k] · w[o, k].</summary>
    /// <param name="x">[rows, depth].</param>
    /// <param name="w">[outputs, depth].</param>
    /// <param name="type">The weights': float32, bfloat16 or float16.</param>
    /// <param name="y">[rows, outputs].</param>
    /// <param name="rows">At most <see cref="MaxRows"/>.</param>
    /// <param name="outputs">Any number, such as a router's.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void MultiplyByRows(float* x, nint w, ScalarType type, float* y, int rows, int outputs, int depth) =>
        MultiplyGroups(x, [new(0, rows, w)], type, y, outputs, depth);

    /// <summary>Groups of rows, each by a matrix of its own: y[i, o] = Σ_k x[i, k] · w[o, k] with the w of i's group.</summary>
    /// <param name="x">[all rows, depth].</param>
    /// <param name="groups">Their rows and matrices [outputs, depth].</param>
    /// <param name="type">The weights': float32, bfloat16 or float16.</param>
    /// <param name="y">[all rows, outputs].</param>
    /// <param name="outputs">Any number.</param>
    /// <param name="depth">A multiple of 16.</param>
    public static void MultiplyGroups(float* x, RowGroup[] groups, ScalarType type, float* y, int outputs, int depth)
    {
        switch (type)
        {
            case ScalarType.BFloat16: MultiplyGroups<BFloat16Weight>(x, groups, y, outputs, depth); break;
            case ScalarType.Float16: MultiplyGroups<Float16Weight>(x, groups, y, outputs, depth); break;
            default: MultiplyGroups<Float32Weight>(x, groups, y, outputs, depth); break;
        }
    }

    private static void MultiplyGroups<TWeight>(float* x, RowGroup[] groups, float* y, int outputs, int depth)
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        if (Vector512.IsHardwareAccelerated) MultiplyGroups<WideVector, TWeight>(x, groups, y, outputs, depth);
        else MultiplyGroups<NarrowVector, TWeight>(x, groups, y, outputs, depth);
    }

    private static void MultiplyGroups<TVector, TWeight>(float* x, RowGroup[] groups, float* y, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        var tile = Tile<TVector>();
        var step = OutputsOfItem(outputs, depth * sizeof(TWeight));
        // The last item has at least a tile of its own: what a tile repeats is never another thread's.
        var items = Math.Max(1, (outputs + step - tile) / step);
        ParallelLoop.For(groups.Length * items, item =>
        {
            var (first, rows, matrix) = groups[item / items];
            var start = item % items * step;
            var end = item % items == items - 1 ? outputs : start + step;
            float* input = x + (long)first * depth, output = y + (long)first * outputs;
            Dots<TVector, TWeight>(input, (TWeight*)matrix, output, rows, start, end, outputs, depth);
        });
    }

    // About equally many work items for each thread.
    private static int OutputsOfItem(int outputs, int bytesOfRow)
    {
        var bytes = (double)outputs * bytesOfRow;
        var threads = Math.Clamp((int)(bytes / BytesOfThread), 1, LibTorch.Threads);
        var items = threads * Math.Max(1, Math.Round(bytes / threads / BytesOfItem));
        return (int)Math.Ceiling(outputs / items / OutputMultiple) * OutputMultiple;
    }

    // The outputs first … end - 1 of all rows, piece by piece.
    private static void Dots<TVector, TWeight>(
        float* x, TWeight* w, float* y, int rows, int first, int end, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        var rowsAtATime = Math.Max(LeastRowsAtATime, BytesOfRows / sizeof(float) / depth);
        rowsAtATime -= rowsAtATime % RowsAtOnce<TVector>();
        for (var row = 0; row < rows; row += rowsAtATime)
        {
            DotsOfPiece<TVector, TWeight>(
                x + (long)row * depth, w, y + (long)row * outputs, Math.Min(rowsAtATime, rows - row), first, end, outputs, depth);
        }
    }

    // In tiles whose sums stay in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotsOfPiece<TVector, TWeight>(
        float* x, TWeight* w, float* y, int rows, int first, int end, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        var isNarrow = typeof(TWeight) != typeof(Float32Weight);
        var isTiled = outputs >= Tile<TVector>() && !(isNarrow && rows <= MostRowsOfNarrow);
        var products = isTiled ? rows / RowsAtOnce<TVector>() : 0;
        var rowsAhead = RowsAhead<TVector>(products);
        // A block of the matrix is widened, or moved to where its vectors are aligned, once for all of these products.
        var isMisaligned = TVector.HasManyRegisters && (nint)w % Alignment != 0;
        var isCopied = products > 0 && (isNarrow || (isMisaligned && products > 1));
        using var scratch = new Scratch(isCopied ? Tile<TVector>() * BlockLength : 0);
        var copy = isCopied ? scratch.Take(Tile<TVector>() * BlockLength) : null;
        for (var next = first; next < end; next += Tile<TVector>())
        {
            // The last tile may repeat numbers of the one before, with the same result.
            var output = Math.Max(0, Math.Min(next, outputs - Tile<TVector>()));
            var tile = w + (long)output * depth;
            for (var start = 0; start < depth && products > 0; start += BlockLength)
            {
                var block = tile + start;
                var length = Math.Min(BlockLength, depth - start);
                for (var row = 0; isCopied && row < Tile<TVector>(); row++)
                    Widening.Widen<TVector, TWeight>(block + (long)row * depth, copy + row * length, length);
                var wide = isCopied ? copy : (float*)block;
                var pitch = isCopied ? length : depth;
                // While the rows are multiplied by this block, the products prefetch the next one.
                var ahead = start + BlockLength < depth ? block + BlockLength : tile + (long)Tile<TVector>() * depth;
                for (var product = 0; product < products; product++)
                {
                    var row = (long)product * RowsAtOnce<TVector>();
                    float* a = x + row * depth + start, c = y + row * outputs + output;
                    if (TVector.HasManyRegisters)
                        FourRows<TVector, TWeight>(a, wide, pitch, c, outputs, depth, length, start > 0, ahead, rowsAhead);
                    else
                        ThreeRows<TVector, TWeight>(a, wide, pitch, c, outputs, depth, length, start > 0, ahead, rowsAhead);
                    ahead += rowsAhead * (long)depth;
                }
            }

            var done = products * RowsAtOnce<TVector>();
            LastRows<TVector, TWeight>(
                x + (long)done * depth, tile, y + (long)done * outputs + output, rows - done, Math.Min(Tile<TVector>(), outputs),
                outputs, depth);
        }
    }
}

/// <summary>Rows of a product that have a matrix in common.</summary>
/// <param name="First">The first row.</param>
/// <param name="Rows">Their number.</param>
/// <param name="Matrix">[outputs, depth].</param>
internal readonly record struct RowGroup(int First, int Rows, nint Matrix);
