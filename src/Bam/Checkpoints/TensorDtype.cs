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
