using Bam.Data.Building;
using Bam.Tokenization;

namespace Bam.Data;

/// <summary>The held-out documents of a domain as text again.</summary>
internal static class HeldOutTexts
{
    /// <summary>
    /// Decodes the tokens. Byte-level BPE loses nothing, so these are the documents as they were read, or as the tokenizer's normalizer
    /// left them.
    /// </summary>
    /// <param name="directory">A folder that <see cref="DataBuilder"/> made.</param>
    /// <param name="tokenizer">The tokenizer that it was made with.</param>
    /// <exception cref="InvalidInputException">A file is missing or damaged.</exception>
    public static IEnumerable<string> Read(string directory, Tokenizer tokenizer)
    {
        using var domain = DomainData.Open(directory);
        var begin = domain.Report.Bos == BeginOfText.Document ? domain.Report.BeginOfTextIds!.Count : 0;
        for (var i = 0L; i < domain.HeldOut.DocumentCount; i++)
        {
            var (start, length) = domain.HeldOut.Document(i);
            // Without the tokens that begin and end it.
            var ids = new int[length - begin - 1];
            domain.HeldOut.Read(start + begin, ids);
            yield return tokenizer.Decode(ids);
        }
    }
}
