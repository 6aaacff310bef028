using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Bam.Tokenization.Unicode;

/// <summary>
/// A pattern of tokenizer.json, matched over code points. .NET matches UTF-16 units, so that \p{L} does not match letters above
/// U+FFFF. In text with surrogates, each pair is therefore replaced by one character of the same category before matching.
/// </summary>
internal sealed class CodePointRegex
{
    private readonly Regex? regex;

    private CodePointRegex(string? literal, Regex? regex)
    {
        Literal = literal;
        this.regex = regex;
    }

    /// <summary>The literal; null for a regular expression.</summary>
    public string? Literal { get; }

    /// <summary>True for a literal of one code point.</summary>
    public bool IsOneLetter => Literal is not null && Literal.EnumerateRunes().Count() == 1;

    public static CodePointRegex FromLiteral(string literal) => new(literal, null);

    /// <summary>Compiles a pattern in Oniguruma's Ruby syntax.</summary>
    /// <exception cref="NotSupportedException">A construct is not supported; the message names it.</exception>
    public static CodePointRegex FromPattern(string pattern)
    {
        try
        {
            const RegexOptions Options = RegexOptions.Compiled | RegexOptions.CultureInvariant
                | RegexOptions.Multiline | RegexOptions.ExplicitCapture; // in Ruby, ^ and $ match at lines
            return new(null, new Regex(RegexTranslator.Translate(pattern), Options));
        }
        catch (ArgumentException e)
        {
            throw new NotSupportedException(e.Message, e);
        }
    }

    /// <summary>All matches from left to right, except empty ones at the end of the previous match.</summary>
    public List<(int Start, int End)> Matches(ReadOnlySpan<char> text)
    {
        var matches = new List<(int Start, int End)>();
        if (Literal is not null)
            FindLiteral(text, matches);
        else if (text.ContainsAnyInRange('\uD800', '\uDFFF'))
            FindInStandIns(text, matches);
        else
            Find(text, matches);
        return matches;
    }

    // For every category above U+FFFF, a rare character below it that is unlikely to occur in a pattern.
    private static char StandIn(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => '\uA640',
        UnicodeCategory.LowercaseLetter => '\uA641',
        UnicodeCategory.TitlecaseLetter => '\u1FFC',
        UnicodeCategory.ModifierLetter => '\uA717',
        UnicodeCategory.OtherLetter => '\uA000',
        UnicodeCategory.NonSpacingMark => '\uA8E0',
        UnicodeCategory.SpacingCombiningMark => '\uA880',
        UnicodeCategory.EnclosingMark => '\uA670',
        UnicodeCategory.DecimalDigitNumber => '\uA8D0',
        UnicodeCategory.LetterNumber => '\uA6E6',
        UnicodeCategory.OtherNumber => '\uA830',
        UnicodeCategory.SpaceSeparator => '\u1680',
        UnicodeCategory.ConnectorPunctuation => '\uFE33',
        UnicodeCategory.DashPunctuation => '\uFE31',
        UnicodeCategory.OpenPunctuation => '\uFE35',
        UnicodeCategory.ClosePunctuation => '\uFE36',
        UnicodeCategory.InitialQuotePunctuation => '\u2E02',
        UnicodeCategory.FinalQuotePunctuation => '\u2E03',
        UnicodeCategory.OtherPunctuation => '\uA8CE',
        UnicodeCategory.MathSymbol => '\uFB29',
        UnicodeCategory.CurrencySymbol => '\uA838',
        UnicodeCategory.ModifierSymbol => '\uA700',
        UnicodeCategory.OtherSymbol => '\uA828',
        UnicodeCategory.Format => '\uFFF9',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\uFFFE',
    };

    private void FindLiteral(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        for (var start = 0; text[start..].IndexOf(Literal, StringComparison.Ordinal) is var found and >= 0;)
        {
            start += found + Literal!.Length;
            matches.Add((start - Literal.Length, start));
        }
    }

    private void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        foreach (var match in regex!.EnumerateMatches(text))
        {
            if (match.Length > 0 || matches.Count == 0 || matches[^1].End != match.Index)
                matches.Add((match.Index, match.Index + match.Length));
        }
    }

    private void FindInStandIns(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        var standIns = new char[text.Length];
        var positions = new int[text.Length + 1]; // of each character, in the text
        var count = 0;
        for (var i = 0; i < text.Length; count++)
        {
            Rune.DecodeFromUtf16(text[i..], out var rune, out var length); // U+FFFD for an unpaired surrogate
            standIns[count] = rune.IsBmp ? (char)rune.Value : StandIn(Rune.GetUnicodeCategory(rune));
            positions[count] = i;
            i += length;
        }

        positions[count] = text.Length;
        Find(standIns.AsSpan(0, count), matches);
        for (var i = 0; i < matches.Count; i++) matches[i] = (positions[matches[i].Start], positions[matches[i].End]);
    }
}
