using System.Globalization;

namespace Bam.Checkpoints.Safetensors;

/// <summary>One tensor of a safetensors file; its offset is from the file's start. A scalar has an empty shape.</summary>
internal sealed record TensorInfo(string Name, TensorDtype Dtype, long[] Shape, long Offset, long ByteLength)
{
    public long Count => ByteLength * 8 / Dtype.BitSize;
}

/// <summary>A tensor to be written. A scalar has an empty shape.</summary>
internal sealed record TensorDeclaration(string Name, TensorDtype Dtype, long[] Shape)
{
    public long Count =>
        TensorShape.Count(Shape) ?? throw new ArgumentException($"{Name}: no tensor has the shape {TensorShape.Describe(Shape)}");

    public long ByteLength => checked(Count * Dtype.ByteSize);
}

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
        for (var dimension = shape.Length - 1; dimension >= 0; dimension--)
            (index, indices[dimension]) = Math.DivRem(index, shape[dimension]);
        return Describe(indices);
    }

    /// <summary>As a user reads it: "[160, 32]".</summary>
    public static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}

/// <summary>Names of tensors in messages.</summary>
internal static class TensorNames
{
    /// <summary>The first of several tensors with the number of the others: "lm_head.weight (and 17 more)".</summary>
    public static string WithMore(string name, int others) =>
        others == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name} (and {others:N0} more)");
}
