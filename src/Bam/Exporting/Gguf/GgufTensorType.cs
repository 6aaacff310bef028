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
