using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Bam.Torch.Kernels;

/// <summary>
/// Products of a few rows with a weight matrix, as in decoding, where reading the matrix is what takes the time: it is read once,
/// and not packed. Each number of the result is summed in one order, whatever the number of rows: what is computed for a sequence
/// does not depend on the sequences beside it. That order is by blocks of the depth, each summed in vectors.
/// </summary>
internal static unsafe partial class FewRowsKernel
{
    /// <summary>The most rows: a part of a prompt, and the tokens that are decoded beside it. BLAS is faster beyond.</summary>
    public const int MaxRows = 160;

    private const int Lanes = 16;
    private const int Tile = 4;

    // Of the matrix in one work item, about: the processor's own prefetching starts anew with each.
    private const int BytesOfItem = 1024 * 1024;

    // A smaller matrix is not worth a second thread.
    private const int BytesOfThread = 128 * 1024;

    // Of the depth: four rows of a matrix and four of x, so long, stay in the first cache.
    private const int BlockLength = 1024;

    private const int MostRowsOfNarrow = 2;

    /// <summary>Whether rows [n, in] can be multiplied by a matrix that is stored by rows, [out, in].</summary>
    /// <param name="x">[n, in]; of its width nothing is asked, so that it may stand for others of its kind.</param>
    /// <param name="matrix">[out, in].</param>
    /// <param name="rows">Those that a matrix has, of all n the most.</param>
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
        if (outputs < Tile)
        {
            foreach (var (first, rows, matrix) in groups)
            {
                var w = (TWeight*)matrix;
                for (var i = 0; i < rows * outputs; i++)
                {
                    y[(long)first * outputs + i] = Dot(
                        x + (first + i / outputs) * (long)depth, w + i % outputs * (long)depth, depth);
                }
            }

            return;
        }

        var step = OutputsOfItem(outputs, depth * sizeof(TWeight));
        // The last item has at least a tile of its own: what a tile repeats is never another thread's.
        var items = Math.Max(1, (outputs + step - Tile) / step);
        ParallelLoop.For(groups.Length * items, item =>
        {
            var (first, rows, matrix) = groups[item / items];
            var start = item % items * step;
            var end = item % items == items - 1 ? outputs : start + step;
            float* input = x + (long)first * depth, output = y + (long)first * outputs;
            var w = (TWeight*)matrix;
            if (Vector512.IsHardwareAccelerated)
                Dots<WideVector, TWeight>(input, w, output, rows, start, end, outputs, depth);
            else
                Dots<NarrowVector, TWeight>(input, w, output, rows, start, end, outputs, depth);
        });
    }

    // About equally many work items for each thread.
    private static int OutputsOfItem(int outputs, int bytesOfRow)
    {
        var bytes = (double)outputs * bytesOfRow;
        var threads = Math.Clamp((int)(bytes / BytesOfThread), 1, LibTorch.Threads);
        var items = threads * Math.Max(1, Math.Round(bytes / threads / BytesOfItem));
        return (int)Math.Ceiling(outputs / items / Lanes) * Lanes;
    }

    private static float Dot<TWeight>(float* x, TWeight* w, int depth)
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        NarrowVector sum = default;
        for (var k = 0; k < depth; k += NarrowVector.Count)
            sum = NarrowVector.MultiplyAdd(NarrowVector.Load(x + k), TWeight.Load<NarrowVector>(w + k), sum);
        return NarrowVector.Sum(sum);
    }

    // The outputs first … end - 1 of all rows, in tiles whose sums stay in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots<TVector, TWeight>(
        float* x, TWeight* w, float* y, int rows, int first, int end, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        // A block of narrow weights is widened once for all of its products, if they are many.
        var isWidened = typeof(TWeight) != typeof(Float32Weight) && rows > MostRowsOfNarrow;
        var many = isWidened || typeof(TWeight) == typeof(Float32Weight) ? rows / RowsAtOnce<TVector>() : 0;
        var lines = LinesAhead(many);
        using var scratch = new Scratch(isWidened ? Tile * BlockLength : 0);
        var widened = isWidened ? scratch.Take(Tile * BlockLength) : null;
        for (var next = first; next < end; next += Tile)
        {
            // The last tile may repeat numbers of the one before, with the same result.
            var output = Math.Min(next, outputs - Tile);
            var tile = w + (long)output * depth;
            for (var start = 0; start < depth && many > 0; start += BlockLength)
            {
                var block = tile + start;
                var length = Math.Min(BlockLength, depth - start);
                for (var row = 0; isWidened && row < Tile; row++)
                    Widening.Widen<TVector, TWeight>(block + (long)row * depth, widened + row * length, length);
                var wide = isWidened ? widened : (float*)block;
                var pitch = isWidened ? length : depth;
                // While the rows pass by this block, the next one is on its way from memory: a row or more with each product.
                var ahead = start + BlockLength < depth ? block + BlockLength : tile + (long)Tile * depth;
                for (var product = 0; product < many; product++)
                {
                    var row = (long)product * RowsAtOnce<TVector>();
                    float* a = x + row * depth + start, c = y + row * outputs + output;
                    if (TVector.HasManyRegisters)
                        FourRows<TVector, TWeight>(a, wide, pitch, c, outputs, depth, length, start > 0, ahead, lines);
                    else
                        ThreeRows<TVector, TWeight>(a, wide, pitch, c, outputs, depth, length, start > 0, ahead, lines);
                    ahead += lines * (long)depth;
                }
            }

            var done = many * RowsAtOnce<TVector>();
            LastRows<TVector, TWeight>(
                x + (long)done * depth, tile, y + (long)done * outputs + output, rows - done, outputs, depth);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RowsAtOnce<TVector>()
        where TVector : struct, IVector<TVector> => TVector.HasManyRegisters ? 4 : 3;

    // Rows of a block that a product asks for: if there are few products, all of the next block's.
    private static int LinesAhead(int products) => products >= Tile ? 1 : products >= 2 ? 2 : Tile;

    // 16 sums, 4 vectors of w and one of x in 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows<TVector, TWeight>(
        float* x, float* w, int pitch, float* y, int outputs, int depth, int length, bool adds, TWeight* ahead, int lines)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        TVector s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default,
            s13 = default, s20 = default, s21 = default, s22 = default, s23 = default, s30 = default, s31 = default,
            s32 = default, s33 = default;
        float* x1 = x + depth, x2 = x1 + depth, x3 = x2 + depth, v1 = w + pitch, v2 = v1 + pitch, v3 = v2 + pitch;
        for (var k = 0; k < length; k += TVector.Count)
        {
            var (w0, w1) = (TVector.Load(w + k), TVector.Load(v1 + k));
            var (w2, w3) = (TVector.Load(v2 + k), TVector.Load(v3 + k));
            for (var line = 0; line < lines; line++) Sse.Prefetch1(ahead + line * (long)depth + k);
            var a = TVector.Load(x + k);
            (s00, s01) = (TVector.MultiplyAdd(a, w0, s00), TVector.MultiplyAdd(a, w1, s01));
            (s02, s03) = (TVector.MultiplyAdd(a, w2, s02), TVector.MultiplyAdd(a, w3, s03));
            a = TVector.Load(x1 + k);
            (s10, s11) = (TVector.MultiplyAdd(a, w0, s10), TVector.MultiplyAdd(a, w1, s11));
            (s12, s13) = (TVector.MultiplyAdd(a, w2, s12), TVector.MultiplyAdd(a, w3, s13));
            a = TVector.Load(x2 + k);
            (s20, s21) = (TVector.MultiplyAdd(a, w0, s20), TVector.MultiplyAdd(a, w1, s21));
            (s22, s23) = (TVector.MultiplyAdd(a, w2, s22), TVector.MultiplyAdd(a, w3, s23));
            a = TVector.Load(x3 + k);
            (s30, s31) = (TVector.MultiplyAdd(a, w0, s30), TVector.MultiplyAdd(a, w1, s31));
            (s32, s33) = (TVector.MultiplyAdd(a, w2, s32), TVector.MultiplyAdd(a, w3, s33));
        }

        Store(y, s00, s01, s02, s03, adds);
        Store(y + outputs, s10, s11, s12, s13, adds);
        Store(y + 2L * outputs, s20, s21, s22, s23, adds);
        Store(y + 3L * outputs, s30, s31, s32, s33, adds);
    }

    // 12 sums, 3 vectors of x and one of w in 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ThreeRows<TVector, TWeight>(
        float* x, float* w, int pitch, float* y, int outputs, int depth, int length, bool adds, TWeight* ahead, int lines)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        TVector s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default,
            s13 = default, s20 = default, s21 = default, s22 = default, s23 = default;
        float* x1 = x + depth, x2 = x1 + depth, w1 = w + pitch, w2 = w1 + pitch, w3 = w2 + pitch;
        for (var k = 0; k < length; k += TVector.Count)
        {
            for (var line = 0; line < lines; line++) Sse.Prefetch1(ahead + line * (long)depth + k);
            var (a, b, c) = (TVector.Load(x + k), TVector.Load(x1 + k), TVector.Load(x2 + k));
            var v = TVector.Load(w + k);
            (s00, s10, s20) = (TVector.MultiplyAdd(a, v, s00), TVector.MultiplyAdd(b, v, s10), TVector.MultiplyAdd(c, v, s20));
            v = TVector.Load(w1 + k);
            (s01, s11, s21) = (TVector.MultiplyAdd(a, v, s01), TVector.MultiplyAdd(b, v, s11), TVector.MultiplyAdd(c, v, s21));
            v = TVector.Load(w2 + k);
            (s02, s12, s22) = (TVector.MultiplyAdd(a, v, s02), TVector.MultiplyAdd(b, v, s12), TVector.MultiplyAdd(c, v, s22));
            v = TVector.Load(w3 + k);
            (s03, s13, s23) = (TVector.MultiplyAdd(a, v, s03), TVector.MultiplyAdd(b, v, s13), TVector.MultiplyAdd(c, v, s23));
        }

        Store(y, s00, s01, s02, s03, adds);
        Store(y + outputs, s10, s11, s12, s13, adds);
        Store(y + 2L * outputs, s20, s21, s22, s23, adds);
    }

    // Up to three.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LastRows<TVector, TWeight>(float* x, TWeight* w, float* y, int rows, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        for (; rows >= 2; rows -= 2, x += 2L * depth, y += 2L * outputs) TwoRows<TVector, TWeight>(x, w, y, outputs, depth);
        if (rows == 1) OneRow<TVector, TWeight>(x, w, y, depth);
    }

    // With a row or two, one row of w after the other, loaded by one instruction: the processor's own prefetching follows that.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoRows<TVector, TWeight>(float* x, TWeight* w, float* y, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        for (var row = 0; row < Tile; row++, w += depth)
        {
            float first = 0, second = 0;
            for (var k = 0; k < depth;)
            {
                TVector a = default, b = default;
                var (isFirst, end) = (k == 0, Math.Min(k + BlockLength, depth));
                for (; k < end; k += TVector.Count)
                {
                    var weights = TWeight.Load<TVector>(w + k);
                    a = TVector.MultiplyAdd(TVector.Load(x + k), weights, a);
                    b = TVector.MultiplyAdd(TVector.Load(x + depth + k), weights, b);
                }

                var sums = TVector.Sums(a, b, a, b);
                (first, second) = isFirst ? (sums[0], sums[1]) : (first + sums[0], second + sums[1]);
            }

            (y[row], y[outputs + row]) = (first, second);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow<TVector, TWeight>(float* x, TWeight* w, float* y, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        for (var row = 0; row < Tile; row++, w += depth)
        {
            var total = 0f;
            for (var k = 0; k < depth;)
            {
                TVector sum = default;
                var (isFirst, end) = (k == 0, Math.Min(k + BlockLength, depth));
                for (; k < end; k += TVector.Count)
                    sum = TVector.MultiplyAdd(TVector.Load(x + k), TWeight.Load<TVector>(w + k), sum);
                var block = TVector.Sums(sum, sum, sum, sum).ToScalar();
                total = isFirst ? block : total + block;
            }

            y[row] = total;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVector>(float* y, TVector s0, TVector s1, TVector s2, TVector s3, bool adds)
        where TVector : struct, IVector<TVector>
    {
        var sums = TVector.Sums(s0, s1, s2, s3);
        (adds ? Vector128.Load(y) + sums : sums).Store(y);
    }
}

/// <summary>Rows of a product that have a matrix in common.</summary>
/// <param name="First">The first row.</param>
/// <param name="Rows">Their number.</param>
/// <param name="Matrix">[outputs, depth].</param>
internal readonly record struct RowGroup(int First, int Rows, nint Matrix);
