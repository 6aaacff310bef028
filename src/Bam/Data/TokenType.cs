namespace Bam.Data;

/// <summary>How an indexed data set stores a token id; the values are the codes of the <c>.idx</c> header (Megatron-LM's <c>DType</c>).</summary>
internal enum TokenType : byte
{
    /// <summary>Unsigned, 8 bits.</summary>
    UInt8 = 1,

    /// <summary>Signed, 8 bits.</summary>
    Int8 = 2,

    /// <summary>Signed, 16 bits.</summary>
    Int16 = 3,

    /// <summary>Signed, 32 bits.</summary>
    Int32 = 4,

    /// <summary>Signed, 64 bits.</summary>
    Int64 = 5,

    /// <summary>A code of the format that no token id has.</summary>
    Float64 = 6,

    /// <summary>A code of the format that no token id has.</summary>
    Float32 = 7,

    /// <summary>Unsigned, 16 bits.</summary>
    UInt16 = 8,
}
