namespace Bam.Checkpoints;

/// <summary>Helpers for shapes.</summary>
internal static class TensorShape
{
    /// <summary>The number of elements, or null when it exceeds 63 bits or a size is negative.</summary>
    public static long? Count(ReadOnlySpan<long> shape)
    {
        UInt128 count = 1;
        foreach (var size in shape)
        {
            if (size < 0) return null;
            count *= (ulong)size;
            if (count > long.MaxValue) return null;
        }

        return (long)count;
    }

    /// <summary>A place in a flat tensor as one for each dimension: "[3, 17]".</summary>
    public static string DescribeIndex(long[] shape, long index)
    {
        var indices = new long[shape.Length];
        for (var dimension = shape.Length - 1; dimension >= 0; dimension--) (index, indices[dimension]) = Math.DivRem(index, shape[dimension]);
        return Describe(indices);
    }

    /// <summary>As a user reads it: "[160, 32]".</summary>
    public static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
