namespace Bam.Checkpoints;

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
}
