using System.Buffers.Binary;
using System.Numerics.Tensors;

namespace Bam.Exporting.Gguf;

/// <summary>
/// ggml's Q8_0: 32 numbers as a float16 scale d and 32 signed bytes, of which each stands for d times itself; d is the largest
/// magnitude divided by 127.
/// </summary>
internal static class Q8Block
{
    /// <summary>Numbers in a block.</summary>
    public const int Length = 32;

    /// <summary>Bytes of a block.</summary>
    public const int ByteLength = 2 + Length;

    /// <summary>Rounds whole blocks.</summary>
    /// <param name="values">A multiple of <see cref="Length"/>.</param>
    /// <param name="destination">Receives <see cref="ByteLength"/> bytes for each block.</param>
    public static void Quantize(ReadOnlySpan<float> values, Span<byte> destination)
    {
        for (; !values.IsEmpty; values = values[Length..], destination = destination[ByteLength..])
            QuantizeOne(values[..Length], destination);
    }

    private static void QuantizeOne(ReadOnlySpan<float> values, Span<byte> destination)
    {
        var scale = MathF.Abs(TensorPrimitives.MaxMagnitude(values)) / sbyte.MaxValue;
        var inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(destination, (Half)scale);
        for (var i = 0; i < Length; i++)
            destination[2 + i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
    }
}
