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

    /// <summary>As a user reads it: "[160, 32]".</summary>
    public static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
