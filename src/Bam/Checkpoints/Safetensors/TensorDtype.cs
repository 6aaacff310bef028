namespace Bam.Checkpoints.Safetensors;

/// <summary>The element types of safetensors files.</summary>
public enum TensorDtype
{
    /// <summary>"F32".</summary>
    Float32,

    /// <summary>"BF16": the upper half of a float32.</summary>
    BFloat16,

    /// <summary>"F16".</summary>
    Float16,

    /// <summary>"F64".</summary>
    Float64,

    /// <summary>"I64".</summary>
    Int64,

    /// <summary>"I32".</summary>
    Int32,

    /// <summary>"I16".</summary>
    Int16,

    /// <summary>"I8".</summary>
    Int8,

    /// <summary>"U8".</summary>
    UInt8,

    /// <summary>"BOOL", one byte each.</summary>
    Bool,

    /// <summary>"F8_E4M3": a sign, 4 bits of exponent, 3 of fraction; no infinity.</summary>
    Float8E4M3,

    /// <summary>"F8_E5M2": the upper half of a float16.</summary>
    Float8E5M2,

    /// <summary>"F8_E8M0": a power of two; scales only.</summary>
    Float8E8M0,

    /// <summary>"F8_E4M3FNUZ".</summary>
    Float8E4M3Fnuz,

    /// <summary>"F8_E5M2FNUZ".</summary>
    Float8E5M2Fnuz,

    /// <summary>"F6_E2M3", six bits each.</summary>
    Float6E2M3,

    /// <summary>"F6_E3M2", six bits each.</summary>
    Float6E3M2,

    /// <summary>"F4", four bits each.</summary>
    Float4,

    /// <summary>"U16".</summary>
    UInt16,

    /// <summary>"U32".</summary>
    UInt32,

    /// <summary>"U64".</summary>
    UInt64,

    /// <summary>"C64": two float32 each.</summary>
    Complex64,
}

/// <summary>Names and sizes of <see cref="TensorDtype"/>.</summary>
internal static class TensorDtypes
{
    private static readonly (TensorDtype Dtype, string Safetensors, string Torch, int Bits)[] Table =
    [
        (TensorDtype.Float32, "F32", "float32", 32),
        (TensorDtype.BFloat16, "BF16", "bfloat16", 16),
        (TensorDtype.Float16, "F16", "float16", 16),
        (TensorDtype.Float64, "F64", "float64", 64),
        (TensorDtype.Int64, "I64", "int64", 64),
        (TensorDtype.Int32, "I32", "int32", 32),
        (TensorDtype.Int16, "I16", "int16", 16),
        (TensorDtype.Int8, "I8", "int8", 8),
        (TensorDtype.UInt8, "U8", "uint8", 8),
        (TensorDtype.Bool, "BOOL", "bool", 8),
        (TensorDtype.Float8E4M3, "F8_E4M3", "float8_e4m3fn", 8),
        (TensorDtype.Float8E5M2, "F8_E5M2", "float8_e5m2", 8),
        (TensorDtype.Float8E8M0, "F8_E8M0", "float8_e8m0fnu", 8),
        (TensorDtype.Float8E4M3Fnuz, "F8_E4M3FNUZ", "float8_e4m3fnuz", 8),
        (TensorDtype.Float8E5M2Fnuz, "F8_E5M2FNUZ", "float8_e5m2fnuz", 8),
        (TensorDtype.Float6E2M3, "F6_E2M3", "float6_e2m3", 6),
        (TensorDtype.Float6E3M2, "F6_E3M2", "float6_e3m2", 6),
        (TensorDtype.Float4, "F4", "float4_e2m1", 4),
        (TensorDtype.UInt16, "U16", "uint16", 16),
        (TensorDtype.UInt32, "U32", "uint32", 32),
        (TensorDtype.UInt64, "U64", "uint64", 64),
        (TensorDtype.Complex64, "C64", "complex64", 64),
    ];

    extension(TensorDtype dtype)
    {
        /// <summary>The size of one element in bytes; 0 for those of less than one.</summary>
        public int ByteSize => Row(dtype).Bits / 8;

        public int BitSize => Row(dtype).Bits;

        /// <summary>The name in a safetensors header, "BF16".</summary>
        public string SafetensorsName => Row(dtype).Safetensors;

        /// <summary>The name in <c>config.json</c> and on the command line, "bfloat16".</summary>
        public string TorchName => Row(dtype).Torch;

        /// <summary>True for the types that weights have.</summary>
        public bool IsFloatingPoint => dtype <= TensorDtype.Float64;

        /// <summary>True for the types of eight bits that are read, which quantised weights and their scales have.</summary>
        public bool IsFloat8 => dtype is TensorDtype.Float8E4M3 or TensorDtype.Float8E5M2 or TensorDtype.Float8E8M0;
    }

    /// <summary>The dtype of a safetensors name, or null.</summary>
    public static TensorDtype? FromSafetensorsName(string name) => Find(name, row => row.Safetensors);

    /// <summary>The dtype of a PyTorch name, or null.</summary>
    public static TensorDtype? FromTorchName(string name) => Find(name, row => row.Torch);

    private static (TensorDtype Dtype, string Safetensors, string Torch, int Bits) Row(TensorDtype dtype) => Table[(int)dtype];

    private static TensorDtype? Find(
        string name, Func<(TensorDtype Dtype, string Safetensors, string Torch, int Bits), string> nameOf)
    {
        foreach (var row in Table)
            if (nameOf(row) == name) return row.Dtype;
        return null;
    }
}
