using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Pipeline;

/// <summary>Hugging Face's Split by a literal or a regular expression.</summary>
/// <param name="pattern">What to look for.</param>
/// <param name="behavior">What happens to the matches.</param>
/// <param name="invert">The stretches between the matches count as the matches.</param>
internal sealed class PatternSplitter(CodePointRegex pattern, SplitBehavior behavior, bool invert) : PieceSplitter
{
    private readonly bool matches = !invert;

    /// <inheritdoc/>
    public override void Split(ReadOnlySpan<char> text, int offset, PieceList output)
    {
        // Stretches that cover the text: between matches, match, between …
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
        var start = 0; // of the piece that is being put together
        for (var i = 0; i < stretches.Count; i++)
        {
            var (_, end, isMatch) = stretches[i];
            if (i + 1 < stretches.Count && IsJoined(stretches, i)) continue;
            if (behavior != SplitBehavior.Removed || !isMatch) output.Add(offset + start, offset + end);
            start = end;
        }
    }

    // Whether stretch i and the next are one piece.
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

/// <summary>What a <see cref="PatternSplitter"/> does with its matches; the examples split the-final--countdown by -.</summary>
internal enum SplitBehavior
{
    /// <summary>Each is a piece: the - final - - countdown.</summary>
    Isolated,

    /// <summary>They go away: the final countdown.</summary>
    Removed,

    /// <summary>Neighbours become one piece: the - final -- countdown.</summary>
    Contiguous,

    /// <summary>Each ends the piece before it: the- final- - countdown.</summary>
    MergedWithPrevious,

    /// <summary>Each begins the piece after it: the -final - -countdown.</summary>
    MergedWithNext,
}

/// <summary>Sets numbers (\p{N}) apart from everything else, each for itself or a run at a time.</summary>
internal sealed class Digits(bool individualDigits) : PieceSplitter
{
    /// <summary>Each digit for itself.</summary>
    public bool Individual => individualDigits;

    /// <inheritdoc/>
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
