using Bam.Tokenization;

namespace Bam.Data;

/// <summary>What building a corpus needs of a tokenizer.</summary>
/// <param name="Encode">Ids of a text, without special tokens around it; called from several threads at once.</param>
/// <param name="VocabularySize">All ids are below it.</param>
/// <param name="EndOfTextId">What each document ends with.</param>
/// <param name="Fingerprint">The tokenizer's identity.</param>
public sealed record TextEncoder(Func<string, int[]> Encode, int VocabularySize, int EndOfTextId, string Fingerprint)
{
    /// <summary>A tokenizer for corpora: a document that mentions a special token does not contain it.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="where">Its file, for the refusal.</param>
    /// <exception cref="InvalidInputException">It has no token that ends a document.</exception>
    public static TextEncoder Of(Tokenizer tokenizer, string where)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var endOfText = tokenizer.EndOfTextId
            ?? throw new InvalidInputException(where, "a special token that ends a document, such as <|endoftext|>", "none that Bam knows", "add one to added_tokens");
        return new(
            text =>
            {
                var ids = new List<int>(text.Length / 3);
                tokenizer.EncodeOrdinary(text, ids);
                return [.. ids];
            },
            tokenizer.VocabSize,
            endOfText,
            tokenizer.Fingerprint);
    }
}
