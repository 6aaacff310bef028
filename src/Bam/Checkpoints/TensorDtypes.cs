namespace Bam.Checkpoints;

/// <summary>Names and sizes of <see cref="TensorDtype"/>.</summary>
public static class TensorDtypes
{
    private static readonly (TensorDtype Dtype, string Safetensors, string Torch, int Bytes)[] Table =
    [
        (TensorDtype.Float32, "F32", "float32", 4),
        (TensorDtype.BFloat16, "BF16", "bfloat16", 2),
        (TensorDtype.Float16, "F16", "float16", 2),
        (TensorDtype.Float64, "F64", "float64", 8),
        (TensorDtype.Int64, "I64", "int64", 8),
        (TensorDtype.Int32, "I32", "int32", 4),
        (TensorDtype.Int16, "I16", "int16", 2),
        (TensorDtype.Int8, "I8", "int8", 1),
        (TensorDtype.UInt8, "U8", "uint8", 1),
        (TensorDtype.Bool, "BOOL", "bool", 1),
    ];

    extension(TensorDtype dtype)
    {
        /// <summary>The size of one element.</summary>
        public int ByteSize => Row(dtype).Bytes;

        /// <summary>The name in a safetensors header, "BF16".</summary>
        public string SafetensorsName => Row(dtype).Safetensors;

        /// <summary>The name in <c>config.json</c> and on the command line, "bfloat16".</summary>
        public string TorchName => Row(dtype).Torch;

        /// <summary>True for the types that weights have.</summary>
        public bool IsFloatingPoint => dtype <= TensorDtype.Float64;
    }

    /// <summary>The dtype of a safetensors name, or null.</summary>
    public static TensorDtype? FromSafetensorsName(string name) => Find(row => row.Safetensors == name);

    /// <summary>The dtype of a PyTorch name, or null.</summary>
    public static TensorDtype? FromTorchName(string name) => Find(row => row.Torch == name);

    private static (TensorDtype Dtype, string Safetensors, string Torch, int Bytes) Row(TensorDtype dtype) => Table[(int)dtype];

    private static TensorDtype? Find(Predicate<(TensorDtype Dtype, string Safetensors, string Torch, int Bytes)> match)
    {
        var index = Array.FindIndex(Table, match);
        return index < 0 ? null : Table[index].Dtype;
    }
}
