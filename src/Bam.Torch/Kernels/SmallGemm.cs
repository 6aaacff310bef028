using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Bam.Torch.Kernels;

/// <summary>
/// Matrix products whose operands lie in the cache: one thread, no packing. With AVX-512 the tile is 6 rows by 4 vectors of 16,
/// so that 24 accumulators hide the latency of the fused multiply-add and 10 loads feed 24 of them; with AVX2, which has half the
/// registers of half the width, 6 rows by 2 vectors of 8.
/// </summary>
internal static unsafe class SmallGemm
{
    /// <summary>Rows of a tile; the rows of every product are padded to a multiple of it.</summary>
    public const int RowTile = 6;

    /// <summary>Floats of one vector of AVX-512; the columns of every product are a multiple of it.</summary>
    public const int Lanes = 16;

    /// <summary>Whether this processor has vectors and a fused multiply-add for it.</summary>
    public static bool IsSupported => Vector512.IsHardwareAccelerated || Fma.IsSupported;

    /// <summary>C (+)= A·B with A addressed by two strides, so that a transposed A needs no copy.</summary>
    /// <param name="a">A [rows, depth]: element (i, k) lies at <c>a[i·aRow + k·aDepth]</c>.</param>
    /// <param name="aRow">Stride between A's rows, in floats.</param>
    /// <param name="aDepth">Stride along A's depth, in floats.</param>
    /// <param name="b">B [depth, columns], rows <paramref name="bRow"/> apart.</param>
    /// <param name="bRow">Stride between B's rows, in floats.</param>
    /// <param name="c">C [rows, columns], rows <paramref name="cRow"/> apart.</param>
    /// <param name="cRow">Stride between C's rows, in floats.</param>
    /// <param name="rows">A multiple of <see cref="RowTile"/>.</param>
    /// <param name="columns">A multiple of <see cref="Lanes"/>.</param>
    /// <param name="depth">The length of the sums.</param>
    /// <param name="accumulate">Whether C's old values are added.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(
        float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int rows, int columns, int depth,
        bool accumulate)
    {
        var column = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; column + 4 * Lanes <= columns; column += 4 * Lanes) Column<Vectors4>(column);
            for (; column + 2 * Lanes <= columns; column += 2 * Lanes) Column<Vectors2>(column);
            for (; column < columns; column += Lanes) Column<Vectors1>(column);
        }
        else
        {
            for (; column < columns; column += Lanes) Column<HalfVectors2>(column);
        }

        void Column<TVectors>(int first)
            where TVectors : struct, IVectors<TVectors>
        {
            for (var row = 0; row < rows; row += RowTile)
                Tile<TVectors>(a + row * aRow, aRow, aDepth, b + first, bRow, c + row * cRow + first, cRow, depth, accumulate);
        }
    }

    // Six rows of C stay in registers over the whole depth; TVectors says how many vectors wide they are.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile<TVectors>(
        float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int depth, bool accumulate)
        where TVectors : struct, IVectors<TVectors>
    {
        TVectors c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        if (accumulate)
        {
            c0 = TVectors.Load(c);
            c1 = TVectors.Load(c + cRow);
            c2 = TVectors.Load(c + 2 * cRow);
            c3 = TVectors.Load(c + 3 * cRow);
            c4 = TVectors.Load(c + 4 * cRow);
            c5 = TVectors.Load(c + 5 * cRow);
        }

        for (var k = 0; k < depth; k++)
        {
            var row = TVectors.Load(b);
            c0 = TVectors.MultiplyAdd(a[0], row, c0);
            c1 = TVectors.MultiplyAdd(a[aRow], row, c1);
            c2 = TVectors.MultiplyAdd(a[2 * aRow], row, c2);
            c3 = TVectors.MultiplyAdd(a[3 * aRow], row, c3);
            c4 = TVectors.MultiplyAdd(a[4 * aRow], row, c4);
            c5 = TVectors.MultiplyAdd(a[5 * aRow], row, c5);
            a += aDepth;
            b += bRow;
        }

        TVectors.Store(c0, c);
        TVectors.Store(c1, c + cRow);
        TVectors.Store(c2, c + 2 * cRow);
        TVectors.Store(c3, c + 3 * cRow);
        TVectors.Store(c4, c + 4 * cRow);
        TVectors.Store(c5, c + 5 * cRow);
    }

    private interface IVectors<TSelf>
        where TSelf : struct, IVectors<TSelf>
    {
        static abstract TSelf Load(float* source);

        static abstract TSelf MultiplyAdd(float a, TSelf b, TSelf c);

        static abstract void Store(TSelf value, float* destination);
    }

    private struct Vectors4 : IVectors<Vectors4>
    {
        private Vector512<float> v0, v1, v2, v3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vectors4 Load(float* source) => new()
        {
            v0 = Vector512.Load(source),
            v1 = Vector512.Load(source + Lanes),
            v2 = Vector512.Load(source + 2 * Lanes),
            v3 = Vector512.Load(source + 3 * Lanes),
        };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vectors4 MultiplyAdd(float a, Vectors4 b, Vectors4 c)
        {
            var factor = Vector512.Create(a);
            return new()
            {
                v0 = Vector512.FusedMultiplyAdd(factor, b.v0, c.v0),
                v1 = Vector512.FusedMultiplyAdd(factor, b.v1, c.v1),
                v2 = Vector512.FusedMultiplyAdd(factor, b.v2, c.v2),
                v3 = Vector512.FusedMultiplyAdd(factor, b.v3, c.v3),
            };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vectors4 value, float* destination)
        {
            value.v0.Store(destination);
            value.v1.Store(destination + Lanes);
            value.v2.Store(destination + 2 * Lanes);
            value.v3.Store(destination + 3 * Lanes);
        }
    }

    private struct Vectors2 : IVectors<Vectors2>
    {
        private Vector512<float> v0, v1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vectors2 Load(float* source) => new()
        {
            v0 = Vector512.Load(source),
            v1 = Vector512.Load(source + Lanes),
        };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vectors2 MultiplyAdd(float a, Vectors2 b, Vectors2 c)
        {
            var factor = Vector512.Create(a);
            return new()
            {
                v0 = Vector512.FusedMultiplyAdd(factor, b.v0, c.v0),
                v1 = Vector512.FusedMultiplyAdd(factor, b.v1, c.v1),
            };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vectors2 value, float* destination)
        {
            value.v0.Store(destination);
            value.v1.Store(destination + Lanes);
        }
    }

    private struct HalfVectors2 : IVectors<HalfVectors2>
    {
        private Vector256<float> v0, v1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static HalfVectors2 Load(float* source) => new()
        {
            v0 = Vector256.Load(source),
            v1 = Vector256.Load(source + Lanes / 2),
        };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static HalfVectors2 MultiplyAdd(float a, HalfVectors2 b, HalfVectors2 c)
        {
            var factor = Vector256.Create(a);
            return new()
            {
                v0 = Vector256.FusedMultiplyAdd(factor, b.v0, c.v0),
                v1 = Vector256.FusedMultiplyAdd(factor, b.v1, c.v1),
            };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(HalfVectors2 value, float* destination)
        {
            value.v0.Store(destination);
            value.v1.Store(destination + Lanes / 2);
        }
    }

    private struct Vectors1 : IVectors<Vectors1>
    {
        private Vector512<float> v0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vectors1 Load(float* source) => new()
        {
            v0 = Vector512.Load(source),
        };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vectors1 MultiplyAdd(float a, Vectors1 b, Vectors1 c) => new()
        {
            v0 = Vector512.FusedMultiplyAdd(Vector512.Create(a), b.v0, c.v0),
        };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vectors1 value, float* destination)
        {
            value.v0.Store(destination);
        }
    }
}

/// <summary>Out-of-place transposition by blocks of 4 × 4 in registers.</summary>
internal static unsafe class BlockTranspose
{
    /// <summary>destination[j, i] = source[i, j]; rows and columns are multiples of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* source, float* destination, int rows, int columns)
    {
        for (var i = 0; i < rows; i += 4)
        {
            for (var j = 0; j < columns; j += 4)
            {
                var from = source + (long)i * columns + j;
                var (a, b) = (Vector128.Load(from), Vector128.Load(from + columns));
                var (c, d) = (Vector128.Load(from + 2 * columns), Vector128.Load(from + 3 * columns));
                var (ab, cd) = (Sse.UnpackLow(a, b), Sse.UnpackLow(c, d));
                var (abHigh, cdHigh) = (Sse.UnpackHigh(a, b), Sse.UnpackHigh(c, d));
                var to = destination + (long)j * rows + i;
                Sse.MoveLowToHigh(ab, cd).Store(to);
                Sse.MoveHighToLow(cd, ab).Store(to + rows);
                Sse.MoveLowToHigh(abHigh, cdHigh).Store(to + 2 * rows);
                Sse.MoveHighToLow(cdHigh, abHigh).Store(to + 3 * rows);
            }
        }
    }
}

/// <summary>Aligned native memory that a work item cuts into pieces and gives back whole.</summary>
internal unsafe ref struct Scratch : IDisposable
{
    private const int Alignment = 64;
    private readonly float* memory;
    private readonly long capacity;
    private long used;

    public Scratch(long floats)
    {
        capacity = floats;
        memory = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), Alignment);
    }

    /// <summary>The next piece, uninitialised; multiples of 16 floats keep the pieces aligned.</summary>
    public float* Take(int floats)
    {
        if (used + floats > capacity) throw new InvalidOperationException("the scratch memory is smaller than its pieces");
        var piece = memory + used;
        used += floats;
        return piece;
    }

    public readonly void Dispose() => NativeMemory.AlignedFree(memory);
}
