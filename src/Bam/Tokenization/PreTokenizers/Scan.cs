using System.Runtime.CompilerServices;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.PreTokenizers;

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
