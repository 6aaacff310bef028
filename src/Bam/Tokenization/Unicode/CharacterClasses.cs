using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Bam.Tokenization.Unicode;

/// <summary>Character classes used by pre-tokenizers.</summary>
[Flags]
internal enum CharacterClass : byte
{
    /// <summary>All others: punctuation, symbols, marks, control characters, unassigned, unpaired surrogates.</summary>
    Other = 0,

    /// <summary>\p{L}.</summary>
    Letter = 1,

    /// <summary>\p{N}.</summary>
    Number = 2,

    /// <summary>\s: the property White_Space.</summary>
    Space = 4,

    /// <summary>\r or \n; these are also spaces.</summary>
    Newline = 8,
}

/// <summary>Looks up the <see cref="CharacterClass"/> of code points in UTF-16 text.</summary>
internal static class CharacterClasses
{
    // One entry per UTF-16 unit. Surrogates are Other; see At for pairs.
    private static readonly CharacterClass[] Units = BuildUnits();

    /// <summary>The class of the code point at <paramref name="index"/>, and its length in UTF-16 units.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CharacterClass At(ReadOnlySpan<char> text, int index, out int length)
    {
        var unit = text[index];
        length = 1;
        return char.IsHighSurrogate(unit) ? AtPair(text, index, ref length) : Units[unit];
    }

    /// <summary>The class of a UTF-16 unit; Other for a surrogate.</summary>
    public static CharacterClass Of(char unit) => Units[unit];

    /// <summary>\w of Rust's regular expressions: Alphabetic, M, Nd, Pc and Join_Control.</summary>
    public static bool IsWord(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber
            or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation => true,
        // Join_Control, and the enclosed letters that are Other_Alphabetic.
        _ => rune.Value is 0x200C or 0x200D or (>= 0x24B6 and <= 0x24E9)
            or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189),
    };

    private static CharacterClass AtPair(ReadOnlySpan<char> text, int index, ref int length)
    {
        if (index + 1 >= text.Length || !char.IsLowSurrogate(text[index + 1])) return CharacterClass.Other;
        length = 2;
        return Of(CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(text[index], text[index + 1])));
    }

    private static CharacterClass Of(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => CharacterClass.Letter,
        >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber => CharacterClass.Number,
        _ => CharacterClass.Other,
    };

    private static CharacterClass[] BuildUnits()
    {
        var classes = new CharacterClass[char.MaxValue + 1];
        for (var i = 0; i < classes.Length; i++)
        {
            var unit = (char)i;
            classes[i] = char.IsWhiteSpace(unit) ? CharacterClass.Space : Of(char.GetUnicodeCategory(unit));
            if (unit is '\r' or '\n') classes[i] |= CharacterClass.Newline;
        }

        return classes;
    }
}
