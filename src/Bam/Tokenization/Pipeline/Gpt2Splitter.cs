using System.Runtime.CompilerServices;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Pipeline;

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

/// <summary>
/// The words of Llama 3 (numbers of up to three digits) and of Qwen 2 and 3 (of one) by hand, the same pieces as
/// <see cref="PatternFor"/>.
/// </summary>
/// <param name="maxDigits">The most digits in one piece.</param>
internal sealed class Llama3Splitter(int maxDigits) : PieceSplitter
{
    /// <summary>The most digits in one piece.</summary>
    public int MaxDigits => maxDigits;

    /// <summary>The pattern as Llama 3 (3) or Qwen (1) writes it.</summary>
    public static string PatternFor(int maxDigits) =>
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + (maxDigits == 1 ? @"\p{N}" : $@"\p{{N}}{{1,{maxDigits}}}")
        + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

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

    private int EndOfPiece(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is var letters and > 0) return start + 1 + letters;
        var first = CharacterClasses.At(text, start, out var length);
        if (first == CharacterClass.Letter) return Scan.EndOfRun(text, start + length, CharacterClass.Letter);
        if (first == CharacterClass.Number) return EndOfNumber(text, start + length);
        var next = start + length;
        var second = next < text.Length ? CharacterClasses.At(text, next, out length) : CharacterClass.Space;
        if (second == CharacterClass.Letter && (first & CharacterClass.Newline) == 0)
            return Scan.EndOfRun(text, next + length, CharacterClass.Letter);
        if (first == CharacterClass.Other) return EndOfSymbols(text, next);
        if (text[start] == ' ' && second == CharacterClass.Other) return EndOfSymbols(text, next + length);
        return EndOfSpaces(text, start);
    }

    private int EndOfNumber(ReadOnlySpan<char> text, int index)
    {
        for (var digits = 1; digits < maxDigits && index < text.Length; digits++)
        {
            if (CharacterClasses.At(text, index, out var length) != CharacterClass.Number) break;
            index += length;
        }

        return index;
    }

    // `[^\s\p{L}\p{N}]+[\r\n]*`
    private static int EndOfSymbols(ReadOnlySpan<char> text, int index)
    {
        index = Scan.EndOfRun(text, index, CharacterClass.Other);
        while (index < text.Length && text[index] is '\r' or '\n') index++;
        return index;
    }

    // `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line break among the spaces, if there is one.
    private static int EndOfSpaces(ReadOnlySpan<char> text, int start)
    {
        var lastBreak = -1;
        for (var i = start; i < text.Length && Scan.IsSpace(text[i]); i++)
        {
            if (text[i] is '\r' or '\n') lastBreak = i;
        }

        return lastBreak >= 0 ? lastBreak + 1 : Scan.EndOfSpaces(text, start);
    }

    // (?i:'s|'t|'re|'ve|'m|'ll|'d); the long s folds to s.
    private static int Contraction(ReadOnlySpan<char> rest) => rest switch
    {
        ['s' or 'S' or '\u017F' or 't' or 'T' or 'm' or 'M' or 'd' or 'D', ..] => 1,
        ['r' or 'R' or 'v' or 'V', 'e' or 'E', ..] or ['l' or 'L', 'l' or 'L', ..] => 2,
        _ => 0,
    };
}

/// <summary>The moves that the hand-written splitters share.</summary>
internal static class Scan
{
    /// <summary>The end of the run of code points of one kind that goes on at <paramref name="index"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EndOfRun(ReadOnlySpan<char> text, int index, CharacterClass kind)
    {
        while (index < text.Length && CharacterClasses.At(text, index, out var length) == kind) index += length;
        return index;
    }

    /// <summary>`\s+(?!\S)|\s+` at <paramref name="start"/>: all spaces, but the last one goes to a word that follows.</summary>
    public static int EndOfSpaces(ReadOnlySpan<char> text, int start)
    {
        var end = start + 1;
        while (end < text.Length && IsSpace(text[end])) end++;
        return end < text.Length && end > start + 1 ? end - 1 : end;
    }

    /// <summary>True for White_Space, all of which is in the basic plane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSpace(char unit) => (CharacterClasses.Of(unit) & CharacterClass.Space) != 0;
}
