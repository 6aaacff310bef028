using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Pipeline;

/// <summary>
/// Hugging Face's Split by a literal or a regular expression; <paramref name="invert"/> treats the text between matches as the
/// matches.
/// </summary>
internal sealed class PatternSplitter(CodePointRegex pattern, SplitBehavior behavior, bool invert) : PieceSplitter
{
    private readonly bool matches = !invert;

    public override void Split(ReadOnlySpan<char> text, int offset, PieceList output)
    {
        // Consecutive ranges that cover the text, matches and the text between them.
        var stretches = new List<(int Start, int End, bool IsMatch)>();
        var position = 0;
        foreach (var (start, end) in pattern.Matches(text))
        {
            if (position != start) stretches.Add((position, start, !matches));
            stretches.Add((start, end, matches));
            position = end;
        }

        if (position != text.Length) stretches.Add((position, text.Length, !matches));
        Emit(stretches, offset, output);
    }

    private void Emit(List<(int Start, int End, bool IsMatch)> stretches, int offset, PieceList output)
    {
        var start = 0; // of the current piece
        for (var i = 0; i < stretches.Count; i++)
        {
            var (_, end, isMatch) = stretches[i];
            if (i + 1 < stretches.Count && IsJoined(stretches, i)) continue;
            if (behavior != SplitBehavior.Removed || !isMatch) output.Add(offset + start, offset + end);
            start = end;
        }
    }

    // True if range i and the next are one piece.
    private bool IsJoined(List<(int Start, int End, bool IsMatch)> stretches, int i)
    {
        var (current, next) = (stretches[i].IsMatch, stretches[i + 1].IsMatch);
        return behavior switch
        {
            SplitBehavior.Contiguous => current == next,
            SplitBehavior.MergedWithPrevious => next && !current,
            SplitBehavior.MergedWithNext => current && !next,
            _ => false,
        };
    }
}

/// <summary>How <see cref="PatternSplitter"/> treats matches; the examples split the-final--countdown by -.</summary>
internal enum SplitBehavior
{
    /// <summary>Each match is a piece: the - final - - countdown.</summary>
    Isolated,

    /// <summary>Matches are removed: the final countdown.</summary>
    Removed,

    /// <summary>Adjacent matches are one piece: the - final -- countdown.</summary>
    Contiguous,

    /// <summary>Each match ends the previous piece: the- final- - countdown.</summary>
    MergedWithPrevious,

    /// <summary>Each match starts the next piece: the -final - -countdown.</summary>
    MergedWithNext,
}

/// <summary>Separates numbers (\p{N}) from other text, individually or as runs.</summary>
internal sealed class Digits(bool individualDigits) : PieceSplitter
{
    /// <summary>Each digit is a piece.</summary>
    public bool Individual => individualDigits;

    public override void Split(ReadOnlySpan<char> text, int offset, PieceList output)
    {
        var start = 0;
        var wasNumber = false;
        for (var i = 0; i < text.Length;)
        {
            var isNumber = (CharacterClasses.At(text, i, out var length) & CharacterClass.Number) != 0;
            if (isNumber != wasNumber || (isNumber && individualDigits))
            {
                output.Add(offset + start, offset + i);
                start = i;
                wasNumber = isNumber;
            }

            i += length;
        }

        output.Add(offset + start, offset + text.Length);
    }
}
