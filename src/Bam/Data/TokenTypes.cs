namespace Bam.Data;

/// <summary>What <see cref="TokenType"/>s have in common.</summary>
internal static class TokenTypes
{
    /// <summary>The first vocabulary size for which Megatron-LM takes 32 bits (<c>DType.optimal_dtype</c>).</summary>
    private const int FirstWideVocabulary = 65_500;

    /// <summary>The type that Megatron-LM would write for a vocabulary.</summary>
    /// <param name="vocabularySize">The number of ids.</param>
    public static TokenType For(int vocabularySize) =>
        vocabularySize < FirstWideVocabulary ? TokenType.UInt16 : TokenType.Int32;

    /// <summary>The width in bytes; 0 for codes that are no token type.</summary>
    public static int Width(this TokenType type) => type switch
    {
        TokenType.UInt8 or TokenType.Int8 => 1,
        TokenType.UInt16 or TokenType.Int16 => 2,
        TokenType.Int32 => 4,
        TokenType.Int64 => 8,
        _ => 0,
    };
}
