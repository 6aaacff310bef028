using System.Buffers.Binary;
using System.Numerics.Tensors;
using Bam.Checkpoints.Safetensors;

namespace Bam.Exporting.Gguf;

/// <summary>The storage type of a GGUF tensor (ggml's <c>ggml_type</c>).</summary>
internal enum GgufTensorType
{
    F32 = 0,

    F16 = 1,

    /// <summary>Q8_0; see <see cref="Q8Block"/>.</summary>
    Q8 = 8,

    BF16 = 30,
}

/// <summary>Sizes and conversions of <see cref="GgufTensorType"/>.</summary>
internal static class GgufTensorTypes
{
    extension(GgufTensorType type)
    {
        /// <summary>
        /// Size in bytes; for <see cref="GgufTensorType.Q8"/>, <paramref name="count"/> is a multiple of the block length.
        /// </summary>
        public long ByteLength(long count) => type switch
        {
            GgufTensorType.F32 => count * sizeof(float),
            GgufTensorType.Q8 => count / Q8Block.Length * Q8Block.ByteLength,
            _ => count * sizeof(ushort),
        };

        /// <summary>The <c>general.file_type</c> for matrices of this type (llama.cpp's <c>llama_ftype</c>).</summary>
        public int FileType => type switch
        {
            GgufTensorType.F32 => 0,
            GgufTensorType.F16 => 1,
            GgufTensorType.Q8 => 7,
            _ => 32,
        };

        /// <summary>The value of <c>--dtype</c>.</summary>
        public string Name => type == GgufTensorType.Q8 ? "q8_0" : type.Dtype.TorchName;

        /// <summary>The smallest magnitude that overflows (<see cref="Narrowing.LimitOf"/>).</summary>
        public float Limit => type == GgufTensorType.Q8 ? Q8Block.Limit : Narrowing.LimitOf(type.Dtype);

        /// <summary>The largest finite number.</summary>
        public float Largest => type == GgufTensorType.Q8 ? Q8Block.Largest : Narrowing.LargestOf(type.Dtype);

        private TensorDtype Dtype => type switch
        {
            GgufTensorType.F16 => TensorDtype.Float16,
            GgufTensorType.BF16 => TensorDtype.BFloat16,
            _ => TensorDtype.Float32,
        };

        /// <summary>Converts with rounding to nearest into <see cref="ByteLength"/> bytes.</summary>
        public void FromFloat32(ReadOnlySpan<float> values, Span<byte> destination)
        {
            if (type == GgufTensorType.Q8) Q8Block.Quantize(values, destination);
            else FloatConversion.FromFloat32(values, type.Dtype, destination);
        }
    }
}

/// <summary>
/// ggml's Q8_0: blocks of 32 numbers, stored as a float16 scale d and 32 signed bytes q with value d·q; d is the largest
/// magnitude divided by 127.
/// </summary>
internal static class Q8Block
{
    /// <summary>Numbers per block.</summary>
    public const int Length = 32;

    /// <summary>Bytes per block.</summary>
    public const int ByteLength = 2 + Length;

    /// <summary>The smallest magnitude whose scale overflows float16.</summary>
    public static readonly float Limit = Narrowing.LimitOf(TensorDtype.Float16) * sbyte.MaxValue;

    /// <summary>The largest number: 127 times the largest scale.</summary>
    public static readonly float Largest = Narrowing.LargestOf(TensorDtype.Float16) * sbyte.MaxValue;

    /// <summary>
    /// True if rounding the scale of a block to float16 changes its largest number by more than one quantization step. A scale
    /// that underflows makes the whole block 0.
    /// </summary>
    public static bool LosesScale(ReadOnlySpan<float> values)
    {
        var scale = ScaleOf(values);
        return MathF.Abs((float)(Half)scale - scale) > scale / sbyte.MaxValue;
    }

    /// <summary>Quantizes whole blocks of finite numbers into <see cref="ByteLength"/> bytes each.</summary>
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
