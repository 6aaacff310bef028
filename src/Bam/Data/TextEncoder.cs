using Bam.Tokenization;

namespace Bam.Data;

/// <summary>What building a corpus needs of a tokenizer.</summary>
/// <param name="Encode">Ids of a text, without special tokens around it; called from several threads at once.</param>
/// <param name="VocabularySize">All ids are below it.</param>
/// <param name="EndOfTextId">What each document ends with.</param>
/// <param name="Fingerprint">The tokenizer's identity.</param>
internal sealed record TextEncoder(Func<string, int[]> Encode, int VocabularySize, int EndOfTextId, string Fingerprint)
{
    /// <summary>Where <see cref="BeginOfTextIds"/> stand.</summary>
    public BeginOfText Bos { get; init; }

    /// <summary>What the tokenizer's template puts before a text; none where <see cref="Bos"/> is none.</summary>
    public IReadOnlyList<int> BeginOfTextIds { get; init; } = [];

    /// <summary>A document's tokens as they lie in shards.</summary>
    internal int[] Document(string text) => [.. Bos == BeginOfText.Document ? BeginOfTextIds : [], .. Encode(text), EndOfTextId];

    /// <summary>A tokenizer for corpora: a document that mentions a special token does not contain it.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="where">Its file, for the refusal.</param>
    /// <param name="bos">Where begin tokens stand; null: before each document, if the tokenizer's template has some.</param>
    /// <exception cref="InvalidInputException">It has no token that ends a document, or not the begin token that is asked for.</exception>
    public static TextEncoder Of(Tokenizer tokenizer, string where, BeginOfText? bos = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var endOfText = tokenizer.EndOfTextId
            ?? throw new InvalidInputException(where, "a special token that ends a document, such as <|endoftext|>", "none that Bam knows", "add one to added_tokens");
        var begin = BeginTokens.Of(tokenizer);
        var place = bos ?? (begin.Count > 0 ? BeginOfText.Document : BeginOfText.None);
        if (place != BeginOfText.None && begin.Count == 0)
            throw new InvalidInputException(where, "a post_processor that puts a begin token before a text, for bos", "none that does", "leave bos out, or say none");
        if (place == BeginOfText.Window && begin.Count > 1)
            throw new InvalidInputException(where, "one begin token, for windows that begin with it", $"{begin.Count}", "say document or none for bos");
        return new(
            text =>
            {
                var ids = new List<int>(text.Length / 3);
                tokenizer.EncodeOrdinary(text, ids);
                return [.. ids];
            },
            tokenizer.VocabSize,
            endOfText,
            tokenizer.Fingerprint)
        {
            Bos = place,
            BeginOfTextIds = place == BeginOfText.None ? [] : begin,
        };
    }
}
