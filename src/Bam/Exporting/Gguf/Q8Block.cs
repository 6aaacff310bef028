using System.Buffers.Binary;
using System.Numerics.Tensors;
using Bam.Checkpoints.Safetensors;

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

    /// <summary>The smallest magnitude whose scale is infinite in float16.</summary>
    public static readonly float Limit = Narrowing.LimitOf(TensorDtype.Float16) * sbyte.MaxValue;

    /// <summary>The largest number: the largest scale, 127 times.</summary>
    public static readonly float Largest = Narrowing.LargestOf(TensorDtype.Float16) * sbyte.MaxValue;

    /// <summary>
    /// Whether float16 is too coarse for a block's scale, so that its largest number is off by more than one of its 127 steps; all of it
    /// becomes 0 where the scale does.
    /// </summary>
    /// <param name="values">One block of finite numbers.</param>
    public static bool LosesScale(ReadOnlySpan<float> values)
    {
        var scale = ScaleOf(values);
        return MathF.Abs((float)(Half)scale - scale) > scale / sbyte.MaxValue;
    }

    /// <summary>Rounds whole blocks.</summary>
    /// <param name="values">Finite numbers, a multiple of <see cref="Length"/>.</param>
    /// <param name="destination">Receives <see cref="ByteLength"/> bytes for each block.</param>
    public static void Quantize(ReadOnlySpan<float> values, Span<byte> destination)
    {
        for (; !values.IsEmpty; values = values[Length..], destination = destination[ByteLength..])
            QuantizeOne(values[..Length], destination);
    }

    private static float ScaleOf(ReadOnlySpan<float> values) => MathF.Abs(TensorPrimitives.MaxMagnitude(values)) / sbyte.MaxValue;

    private static void QuantizeOne(ReadOnlySpan<float> values, Span<byte> destination)
    {
        var scale = ScaleOf(values);
        var inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(destination, (Half)scale);
        for (var i = 0; i < Length; i++)
            destination[2 + i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
    }
}
