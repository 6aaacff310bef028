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

/// <summary>Where the tokens stand that a tokenizer's template puts before a text.</summary>
internal enum BeginOfText
{
    /// <summary>Nowhere.</summary>
    None,

    /// <summary>Before each document.</summary>
    Document,

    /// <summary>At the beginning of each window that a model reads, and not in the shards.</summary>
    Window,
}

/// <summary>Whether token shards have the begin tokens that a model's tokenizer puts before every text.</summary>
internal static class BeginTokenCheck
{
    private const int DocumentsLookedAt = 64;

    /// <summary>Warns of text that lacks them, and of text that has what the tokenizer does not put there.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="bosTokenId">The model's <c>bos_token_id</c>.</param>
    /// <param name="model">What messages call the model.</param>
    /// <param name="texts">The texts, with their reports where <c>bam data build</c> made them.</param>
    /// <param name="hint">What to do about text that lacks them.</param>
    /// <param name="reporter">Is told.</param>
    public static void Warn(
        Tokenizer tokenizer,
        int? bosTokenId,
        string model,
        IReadOnlyList<(string Name, IndexedDataset Tokens, DataBuildReport? Report)> texts,
        string hint,
        IReporter reporter)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(reporter);
        var begin = BeginTokens.Of(tokenizer);
        if (begin.Count > 0)
        {
            var without = string.Join(", ", texts.Where(text => !Has(text.Tokens, text.Report, begin)).Select(text => text.Name));
            if (without.Length > 0)
                reporter.Warn($"the tokenizer of {model} puts {BeginTokens.Describe(tokenizer, begin)} before every text, and the data of {without} have none; {hint}");
        }
        else if (bosTokenId is { } bos && bos != tokenizer.EndOfTextId)
        {
            var with = string.Join(", ", texts.Where(text => Has(text.Tokens, text.Report, [bos])).Select(text => text.Name));
            if (with.Length > 0)
                reporter.Warn($"the documents of {with} begin with {BeginTokens.Describe(tokenizer, [bos])}, which the tokenizer of {model} puts before no text: its prompts begin without it");
        }
    }

    private static bool Has(IndexedDataset tokens, DataBuildReport? report, IReadOnlyList<int> begin) =>
        report is null ? AnyDocumentBegins(tokens, [.. begin]) : report.Bos != BeginOfText.None;

    // Of data that another tool made, the first documents say how it makes them.
    private static bool AnyDocumentBegins(IndexedDataset tokens, int[] begin)
    {
        var ids = new int[begin.Length];
        for (var i = 0L; i < Math.Min(DocumentsLookedAt, tokens.DocumentCount); i++)
        {
            var (start, length) = tokens.Document(i);
            if (length < ids.Length) continue;
            tokens.Read(start, ids);
            if (ids.AsSpan().SequenceEqual(begin)) return true;
        }

        return false;
    }
}
