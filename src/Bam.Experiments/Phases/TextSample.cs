namespace Bam.Experiments.Phases;

/// <summary>A random part of a text, the same for the same seed, without holding the text.</summary>
internal static class TextSample
{
    private const int PieceLength = 4096;

    /// <summary>Each piece of some lines with that probability; from 1 on the documents as they are.</summary>
    /// <param name="documents">The text.</param>
    /// <param name="fraction">The part to take.</param>
    /// <param name="random">Decides.</param>
    public static IEnumerable<string> Of(IEnumerable<string> documents, double fraction, RandomStream random)
    {
        foreach (var document in documents)
        {
            if (fraction >= 1)
            {
                yield return document;
                continue;
            }

            for (var start = 0; start < document.Length;)
            {
                var end = EndOfPiece(document, start);
                if (random.NextDouble() < fraction) yield return document[start..end];
                start = end;
            }
        }
    }

    // At the end of a line, unless the line is longer than a piece.
    private static int EndOfPiece(string text, int start)
    {
        if (text.Length - start <= PieceLength) return text.Length;
        var newline = text.LastIndexOf('\n', start + PieceLength - 1, PieceLength);
        if (newline >= start) return newline + 1;
        var end = start + PieceLength;
        return char.IsHighSurrogate(text[end - 1]) ? end + 1 : end;
    }
}
