using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Bam.Torch.Kernels;

/// <summary>Out-of-place transposition by blocks of 4 × 4 in registers.</summary>
internal static unsafe class BlockTranspose
{
    /// <summary>destination[j, i] = source[i, j].</summary>
    /// <param name="source">[rows, columns].</param>
    /// <param name="destination">[columns, rows].</param>
    /// <param name="rows">A multiple of 4.</param>
    /// <param name="columns">A multiple of 4.</param>
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
