using Bam.Tokenization;

namespace Bam.Data;

/// <summary>The part of a tokenizer that building a corpus needs.</summary>
/// <param name="Encode">Appends the ids of a text, without special tokens around it. Thread-safe.</param>
/// <param name="VocabularySize">Upper bound of all ids, exclusive.</param>
/// <param name="EndOfTextId">The token at the end of each document.</param>
/// <param name="Fingerprint">The tokenizer's fingerprint.</param>
internal sealed record TextEncoder(
    Action<ReadOnlySpan<char>, List<int>> Encode, int VocabularySize, int EndOfTextId, string Fingerprint)
{
    /// <summary>The placement of <see cref="BeginOfTextIds"/>.</summary>
    public BeginOfText Bos { get; init; }

    /// <summary>The tokens that the tokenizer's template puts before a text; empty if <see cref="Bos"/> is none.</summary>
    public IReadOnlyList<int> BeginOfTextIds { get; init; } = [];

    /// <summary>A document's tokens as stored in shards.</summary>
    internal int[] Document(string text)
    {
        var ids = new List<int>(text.Length / 3);
        AppendDocument(text, ids);
        return [.. ids];
    }

    /// <summary>Appends a document's tokens.</summary>
    internal void AppendDocument(ReadOnlySpan<char> text, List<int> ids)
    {
        if (Bos == BeginOfText.Document) ids.AddRange(BeginOfTextIds);
        Encode(text, ids);
        ids.Add(EndOfTextId);
    }

    /// <summary>
    /// An encoder for corpora: special tokens in the text are encoded as ordinary text. If <paramref name="bos"/> is null, begin
    /// tokens are put before each document if the tokenizer's template has any.
    /// </summary>
    /// <exception cref="InvalidInputException">It has no end-of-text token, or not the requested begin token.</exception>
    public static TextEncoder Of(Tokenizer tokenizer, string where, BeginOfText? bos = null)
    {
        var endOfText = tokenizer.EndOfTextId
            ?? throw new InvalidInputException(
                where, "a special token that ends a document, such as <|endoftext|>", "none that Bam knows",
                "add one to added_tokens");
        var begin = tokenizer.IdsBefore;
        var place = bos ?? (begin.Count > 0 ? BeginOfText.Document : BeginOfText.None);
        if (place != BeginOfText.None && begin.Count == 0)
            throw new InvalidInputException(
                where, "a post_processor that puts a begin token before a text, for bos", "none that does",
                "leave bos out, or say none");
        if (place == BeginOfText.Window && begin.Count > 1)
            throw new InvalidInputException(
                where, "one begin token, for windows that begin with it", $"{begin.Count}", "say document or none for bos");
        return new(
            tokenizer.EncodeOrdinary, tokenizer.VocabSize, endOfText, tokenizer.Fingerprint)
        {
            Bos = place,
            BeginOfTextIds = place == BeginOfText.None ? [] : begin,
        };
    }
}

/// <summary>Where the begin tokens of a tokenizer's template are placed.</summary>
internal enum BeginOfText
{
    None,

    Document,

    /// <summary>At the start of each window that a model reads; they are not in the shards.</summary>
    Window,
}

/// <summary>Checks whether token shards have the begin tokens that a model's tokenizer puts before every text.</summary>
internal static class BeginTokenCheck
{
    private const int DocumentsLookedAt = 64;

    /// <summary>
    /// Warns of data without them, and of data with a begin token that the tokenizer does not add. The hint says how to add them.
    /// </summary>
    public static void Warn(
        Tokenizer tokenizer,
        int? bosTokenId,
        string model,
        IReadOnlyList<(string Name, IndexedDataset Tokens, DataBuildReport? Report)> texts,
        string hint,
        IReporter reporter)
    {
        var begin = tokenizer.IdsBefore;
        if (begin.Count > 0)
        {
            var without = string.Join(", ", texts.Where(text => !Has(text.Tokens, text.Report, begin)).Select(text => text.Name));
            if (without.Length > 0)
                reporter.Warn(
                    $"the tokenizer of {model} puts {BeginTokens.Describe(tokenizer, begin)} before every text, and the data of "
                        + $"{without} have none; {hint}");
        }
        else if (bosTokenId is { } bos && bos != tokenizer.EndOfTextId)
        {
            var with = string.Join(", ", texts.Where(text => Has(text.Tokens, text.Report, [bos])).Select(text => text.Name));
            if (with.Length > 0)
                reporter.Warn(
                    $"the documents of {with} begin with {BeginTokens.Describe(tokenizer, [bos])}, which the tokenizer of "
                        + $"{model} puts before no text: its prompts begin without it");
        }
    }

    private static bool Has(IndexedDataset tokens, DataBuildReport? report, IReadOnlyList<int> begin) =>
        report is null ? AnyDocumentBegins(tokens, [.. begin]) : report.Bos != BeginOfText.None;

    // For data of another tool, the first documents are inspected.
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
