using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.PreTokenizers;

/// <summary>
/// GPT-2's words by hand, the same pieces as <see cref="Pattern"/>: about ten times as fast as the regular expression, and
/// right beyond the basic plane, where .NET's \p{L} sees half a surrogate pair.
/// </summary>
internal sealed class Gpt2Splitter : PieceSplitter
{
    /// <summary>The pattern as Hugging Face and OpenAI write it.</summary>
    public const string Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <inheritdoc/>
    public override void Split(ReadOnlySpan<char> text, int offset, PieceList output)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = EndOfPiece(text, start);
            output.Add(offset + start, offset + end);
            start = end;
        }
    }

    private static int EndOfPiece(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is var letters and > 0) return start + 1 + letters;
        var first = CharacterClasses.At(text, start, out var length);
        if ((first & CharacterClass.Space) == 0) return Scan.EndOfRun(text, start + length, first);
        if (text[start] != ' ' || start + 1 == text.Length) return Scan.EndOfSpaces(text, start);
        var second = CharacterClasses.At(text, start + 1, out length);
        return (second & CharacterClass.Space) == 0
            ? Scan.EndOfRun(text, start + 1 + length, second)
            : Scan.EndOfSpaces(text, start);
    }

    // How many letters after the apostrophe belong to 's, 't, 're, 've, 'm, 'll or 'd.
    private static int Contraction(ReadOnlySpan<char> rest) => rest switch
    {
        ['s' or 't' or 'm' or 'd', ..] => 1,
        ['r' or 'v', 'e', ..] or ['l', 'l', ..] => 2,
        _ => 0,
    };
}
