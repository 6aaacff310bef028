using Bam.Tokenization;

namespace Bam.Data;

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
