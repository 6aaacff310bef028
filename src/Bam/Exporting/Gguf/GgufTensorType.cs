using System.Buffers.Binary;
using System.Numerics.Tensors;
using Bam.Checkpoints;

namespace Bam.Exporting.Gguf;

/// <summary>How the numbers of a GGUF tensor are stored; the values are the file's (ggml's <c>ggml_type</c>).</summary>
internal enum GgufTensorType
{
    /// <summary>float32.</summary>
    F32 = 0,

    /// <summary>float16.</summary>
    F16 = 1,

    /// <summary>Blocks of 32 numbers of eight bits with one scale (<see cref="Q8Block"/>).</summary>
    Q8 = 8,

    /// <summary>bfloat16.</summary>
    BF16 = 30,
}

/// <summary>Sizes and conversions of <see cref="GgufTensorType"/>.</summary>
internal static class GgufTensorTypes
{
    extension(GgufTensorType type)
    {
        /// <summary>The size of a number of values, which for <see cref="GgufTensorType.Q8"/> is a multiple of a block's.</summary>
        public long ByteLength(long count) => type switch
        {
            GgufTensorType.F32 => count * sizeof(float),
            GgufTensorType.Q8 => count / Q8Block.Length * Q8Block.ByteLength,
            _ => count * sizeof(ushort),
        };

        /// <summary><c>general.file_type</c> of a file whose matrices are of the type (llama.cpp's <c>llama_ftype</c>).</summary>
        public int FileType => type switch
        {
            GgufTensorType.F32 => 0,
            GgufTensorType.F16 => 1,
            GgufTensorType.Q8 => 7,
            _ => 32,
        };

        /// <summary>What a user calls it.</summary>
        public string Name => type == GgufTensorType.Q8 ? "q8_0" : type.Dtype.TorchName;

        /// <summary>The smallest magnitude that becomes infinite (<see cref="Narrowing.LimitOf"/>).</summary>
        public float Limit => type == GgufTensorType.Q8 ? Q8Block.Limit : Narrowing.LimitOf(type.Dtype);

        /// <summary>The largest number that it holds.</summary>
        public float Largest => type == GgufTensorType.Q8 ? Q8Block.Largest : Narrowing.LargestOf(type.Dtype);

        private TensorDtype Dtype => type switch
        {
            GgufTensorType.F16 => TensorDtype.Float16,
            GgufTensorType.BF16 => TensorDtype.BFloat16,
            _ => TensorDtype.Float32,
        };

        /// <summary>Converts, rounding to the nearest.</summary>
        /// <param name="values">float32.</param>
        /// <param name="destination">Receives <see cref="ByteLength"/> bytes.</param>
        public void FromFloat32(ReadOnlySpan<float> values, Span<byte> destination)
        {
            if (type == GgufTensorType.Q8) Q8Block.Quantize(values, destination);
            else FloatConversion.FromFloat32(values, type.Dtype, destination);
        }
    }
}

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
