using Bam.Checkpoints.Safetensors;

namespace Bam.Exporting.Gguf;

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
