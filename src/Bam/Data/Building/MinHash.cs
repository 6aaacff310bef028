using System.Runtime.Intrinsics;

namespace Bam.Data.Building;

/// <summary>
/// Sketches of a few numbers each, whose equal places estimate the Jaccard similarity of two texts' shingles: one permutation hashing
/// (Li, Owen and Zhang 2012) with the empty bins filled as Shrivastava (2017) does.
/// </summary>
internal static class MinHash
{
    /// <summary>The numbers of a sketch; the estimate's standard deviation is at most 0.5 / √60 = 0.065.</summary>
    public const int Size = 60;

    private const uint Empty = uint.MaxValue;

    /// <summary>The sketch of a text that is not only white space.</summary>
    public static uint[] Sketch(string text)
    {
        Span<uint> minima = stackalloc uint[Size];
        minima.Fill(Empty);
        foreach (var hash in new Shingles(text))
        {
            var bin = (int)(((hash >> 32) * Size) >> 32);
            minima[bin] = Math.Min(minima[bin], (uint)hash);
        }

        var sketch = new uint[Size];
        for (var bin = 0; bin < Size; bin++) sketch[bin] = minima[FullBinFor(bin, minima)];
        return sketch;
    }

    /// <summary>The share of equal numbers.</summary>
    public static double Similarity(ReadOnlySpan<uint> a, ReadOnlySpan<uint> b)
    {
        var equal = Vector128<uint>.Zero;
        for (var i = 0; i < Size; i += Vector128<uint>.Count) equal -= Vector128.Equals(Vector128.Create(a[i..]), Vector128.Create(b[i..])); // all ones is -1
        return (double)Vector128.Sum(equal) / Size;
    }

    /// <summary>The bin itself, or for an empty one a full one, tried in an order that depends on the bin only.</summary>
    private static int FullBinFor(int bin, ReadOnlySpan<uint> minima)
    {
        var state = (uint)bin;
        while (minima[bin] == Empty)
        {
            state = (state * 747_796_405) + 2_891_336_453;
            bin = (int)(((ulong)state * Size) >> 32);
        }

        return bin;
    }
}
