using System.Runtime.InteropServices;
using Bam.Tokenization;

namespace Bam.Data.Text;

/// <summary>The first tokens of a text: a sample for work that needs no more.</summary>
internal static class LeadingTokens
{
    /// <summary>Reads documents until there are enough tokens; each begins with what the tokenizer's template puts there and ends with the end-of-text token, if it has one.</summary>
    /// <param name="input">A file (.txt, .jsonl, .jsonl.gz), a folder or a pattern; see <see cref="InputFiles.Resolve"/>. Or a built domain, whose training tokens are taken.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="count">The most tokens.</param>
    /// <param name="reporter">Told of bad lines and empty documents that are passed over.</param>
    /// <param name="skipBadLines">How many lines of JSONL that cannot be read are passed over.</param>
    /// <param name="rows">A model's vocab_size, which ids must be below.</param>
    /// <returns>That many ids, or all that the text has.</returns>
    /// <exception cref="InvalidInputException">A file is missing, damaged, without text, or of another tokenizer.</exception>
    public static int[] Read(string input, Tokenizer tokenizer, int count, IReporter reporter, long skipBadLines = 0, int rows = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (DataBuildReport.IsIn(input)) return OfBuilt(input, tokenizer, count, rows);
        var ids = new List<int>();
        var documents = 0L;
        foreach (var text in DocumentTexts.Read(InputFiles.Resolve([input], reporter), reporter, skipBadLines: skipBadLines))
        {
            var start = ids.Count;
            ids.AddRange(BeginTokens.Of(tokenizer));
            tokenizer.EncodeOrdinary(text, ids);
            if (tokenizer.EndOfTextId is { } endOfText) ids.Add(endOfText);
            tokenizer.RequireRows(CollectionsMarshal.AsSpan(ids)[start..], rows, $"{input}, document {++documents}");
            if (ids.Count >= count) break;
        }

        return [.. ids.Take(count)];
    }

    private static int[] OfBuilt(string directory, Tokenizer tokenizer, int count, int rows)
    {
        using var domain = DomainData.Open(directory);
        domain.Report.RequireVocabulary(directory, tokenizer.VocabSize, tokenizer);
        if (domain.Train.TokenCount == 0) throw new InvalidInputException(domain.Train.Prefix, "training tokens", "none: all of its text is held out", "name other text");
        var ids = new int[Math.Min(count, domain.Train.TokenCount)];
        domain.Train.Read(0, ids);
        tokenizer.RequireRows(ids, rows, domain.Train.Prefix);
        return ids;
    }
}
