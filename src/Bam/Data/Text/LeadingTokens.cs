using System.Runtime.InteropServices;
using Bam.Tokenization;

namespace Bam.Data.Text;

/// <summary>Reads the first tokens of a text, as a sample.</summary>
internal static class LeadingTokens
{
    /// <summary>
    /// Reads documents until there are <paramref name="count"/> tokens, or the training tokens of a built domain. Each document
    /// is encoded with the tokenizer's begin tokens and end-of-text token. The input is resolved by
    /// <see cref="InputFiles.Resolve"/>; ids must be below <paramref name="rows"/>, the model's vocab_size.
    /// </summary>
    /// <returns>At most <paramref name="count"/> ids.</returns>
    /// <exception cref="InvalidInputException">A file is missing, invalid, blank or of another tokenizer.</exception>
    public static int[] Read(
        string input, Tokenizer tokenizer, int count, IReporter reporter, long skipBadLines = 0, int rows = int.MaxValue)
    {
        if (DataBuildReport.IsIn(input)) return ReadBuilt(input, tokenizer, count, rows);
        var ids = new List<int>();
        var documents = 0L;
        foreach (var text in DocumentTexts.Read(InputFiles.Resolve([input], reporter), reporter, skipBadLines: skipBadLines))
        {
            var start = ids.Count;
            ids.AddRange(tokenizer.IdsBefore);
            tokenizer.EncodeOrdinary(text, ids);
            if (tokenizer.EndOfTextId is { } endOfText) ids.Add(endOfText);
            tokenizer.RequireRows(CollectionsMarshal.AsSpan(ids)[start..], rows, $"{input}, document {++documents}");
            if (ids.Count >= count) break;
        }

        return [.. ids.Take(count)];
    }

    private static int[] ReadBuilt(string directory, Tokenizer tokenizer, int count, int rows)
    {
        using var domain = DomainData.Open(directory);
        domain.Report.RequireVocabulary(directory, tokenizer.VocabSize, tokenizer);
        if (domain.Train.TokenCount == 0)
            throw new InvalidInputException(
                domain.Train.Prefix, "training tokens", "none: all of its text is held out", "name other text");
        var ids = new int[Math.Min(count, domain.Train.TokenCount)];
        domain.Train.Read(0, ids);
        tokenizer.RequireRows(ids, rows, domain.Train.Prefix);
        return ids;
    }
}
