using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Bam.Torch.Kernels;

// Tiles of a product, whose sums stay in registers.
internal static unsafe partial class FewRowsKernel
{
    // Rows of the matrix in a tile.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Tile<TVector>()
        where TVector : struct, IVector<TVector> => TVector.HasManyRegisters ? 6 : 4;

    // Rows of x in a tile.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RowsAtOnce<TVector>()
        where TVector : struct, IVector<TVector> => TVector.HasManyRegisters ? 4 : 3;

    // Rows of the next block that each product prefetches, so that all products together prefetch the whole block.
    private static int RowsAhead<TVector>(int products)
        where TVector : struct, IVector<TVector> => (int)Math.Ceiling(Tile<TVector>() / Math.Max(1.0, products));

    // 24 sums, 4 vectors of x and one of w in 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows<TVector, TWeight>(
        float* x, float* w, int pitch, float* y, int outputs, int depth, int length, bool adds, TWeight* ahead, int rowsAhead)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        TVector s00 = default, s01 = default, s02 = default, s03 = default, s04 = default, s05 = default, s10 = default,
            s11 = default, s12 = default, s13 = default, s14 = default, s15 = default, s20 = default, s21 = default,
            s22 = default, s23 = default, s24 = default, s25 = default, s30 = default, s31 = default, s32 = default,
            s33 = default, s34 = default, s35 = default;
        float* x1 = x + depth, x2 = x1 + depth, x3 = x2 + depth, w1 = w + pitch, w2 = w1 + pitch, w3 = w2 + pitch,
            w4 = w3 + pitch, w5 = w4 + pitch;
        for (var k = 0; k < length; k += TVector.Count)
        {
            for (var row = 0; row < rowsAhead; row++) Sse.Prefetch1(ahead + row * (long)depth + k);
            var (a, b, c, d) = (TVector.Load(x + k), TVector.Load(x1 + k), TVector.Load(x2 + k), TVector.Load(x3 + k));
            var v = TVector.Load(w + k);
            (s00, s10) = (TVector.MultiplyAdd(a, v, s00), TVector.MultiplyAdd(b, v, s10));
            (s20, s30) = (TVector.MultiplyAdd(c, v, s20), TVector.MultiplyAdd(d, v, s30));
            v = TVector.Load(w1 + k);
            (s01, s11) = (TVector.MultiplyAdd(a, v, s01), TVector.MultiplyAdd(b, v, s11));
            (s21, s31) = (TVector.MultiplyAdd(c, v, s21), TVector.MultiplyAdd(d, v, s31));
            v = TVector.Load(w2 + k);
            (s02, s12) = (TVector.MultiplyAdd(a, v, s02), TVector.MultiplyAdd(b, v, s12));
            (s22, s32) = (TVector.MultiplyAdd(c, v, s22), TVector.MultiplyAdd(d, v, s32));
            v = TVector.Load(w3 + k);
            (s03, s13) = (TVector.MultiplyAdd(a, v, s03), TVector.MultiplyAdd(b, v, s13));
            (s23, s33) = (TVector.MultiplyAdd(c, v, s23), TVector.MultiplyAdd(d, v, s33));
            v = TVector.Load(w4 + k);
            (s04, s14) = (TVector.MultiplyAdd(a, v, s04), TVector.MultiplyAdd(b, v, s14));
            (s24, s34) = (TVector.MultiplyAdd(c, v, s24), TVector.MultiplyAdd(d, v, s34));
            v = TVector.Load(w5 + k);
            (s05, s15) = (TVector.MultiplyAdd(a, v, s05), TVector.MultiplyAdd(b, v, s15));
            (s25, s35) = (TVector.MultiplyAdd(c, v, s25), TVector.MultiplyAdd(d, v, s35));
        }

        Store(y, TVector.Sums(s00, s01, s02, s03), adds);
        Store(y + outputs, TVector.Sums(s10, s11, s12, s13), adds);
        Store(y + 2L * outputs, TVector.Sums(s20, s21, s22, s23), adds);
        Store(y + 3L * outputs, TVector.Sums(s30, s31, s32, s33), adds);
        StorePairs(y + 4, outputs, TVector.Sums(s04, s05, s14, s15), adds);
        StorePairs(y + 4 + 2L * outputs, outputs, TVector.Sums(s24, s25, s34, s35), adds);
    }

    // 12 sums, 3 vectors of x and one of w in 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ThreeRows<TVector, TWeight>(
        float* x, float* w, int pitch, float* y, int outputs, int depth, int length, bool adds, TWeight* ahead, int rowsAhead)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        TVector s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default,
            s13 = default, s20 = default, s21 = default, s22 = default, s23 = default;
        float* x1 = x + depth, x2 = x1 + depth, w1 = w + pitch, w2 = w1 + pitch, w3 = w2 + pitch;
        for (var k = 0; k < length; k += TVector.Count)
        {
            for (var row = 0; row < rowsAhead; row++) Sse.Prefetch1(ahead + row * (long)depth + k);
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

        Store(y, TVector.Sums(s00, s01, s02, s03), adds);
        Store(y + outputs, TVector.Sums(s10, s11, s12, s13), adds);
        Store(y + 2L * outputs, TVector.Sums(s20, s21, s22, s23), adds);
    }

    // Up to three, or all if they are not tiled.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LastRows<TVector, TWeight>(
        float* x, TWeight* w, float* y, int rows, int count, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        for (; rows >= 2; rows -= 2, x += 2L * depth, y += 2L * outputs)
            TwoRows<TVector, TWeight>(x, w, y, count, outputs, depth);
        if (rows == 1) OneRow<TVector, TWeight>(x, w, y, count, depth);
    }

    // With a row or two, one row of w after the other, loaded by one instruction: the processor's own prefetching follows that.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoRows<TVector, TWeight>(float* x, TWeight* w, float* y, int count, int outputs, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        for (var row = 0; row < count; row++, w += depth)
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
    private static void OneRow<TVector, TWeight>(float* x, TWeight* w, float* y, int count, int depth)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        for (var row = 0; row < count; row++, w += depth)
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
    private static void Store(float* y, Vector128<float> sums, bool adds) =>
        (adds ? Vector128.Load(y) + sums : sums).Store(y);

    // Two numbers of a row and two of the next.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePairs(float* y, int outputs, Vector128<float> sums, bool adds)
    {
        if (adds) sums += Sse.LoadHigh(Sse.LoadLow(default, y), y + outputs);
        Sse.StoreLow(y, sums);
        Sse.StoreHigh(y + outputs, sums);
    }
}
