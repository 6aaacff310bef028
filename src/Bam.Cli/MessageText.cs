using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Bam.Files;
using Spectre.Console;

namespace Bam.Cli;

/// <summary>
/// Messages as they are shown: one line of bounded length in which nothing quoted from a file can command the terminal or hide,
/// and with the names that the user knows in the place of temporary ones.
/// </summary>
internal static partial class MessageText
{
    private const int MostCharacters = 1000;
    private const int ShownTail = 280;

    /// <summary>Messages are cut to this length before patterns are searched; two paths of maximum length fit.</summary>
    private const int MostRead = 16 * 1024;

    /// <summary>A longer word is no file name.</summary>
    private const int LongestName = 255;

    /// <summary>The longest quoted word that is no path.</summary>
    private const int LongestQuote = 60;

    private const int ZeroWidthNonJoiner = 0x200C;
    private const int ZeroWidthJoiner = 0x200D;

    /// <summary>The message as one line.</summary>
    public static string OneLine(string message)
    {
        message = Shorten(message, MostRead, MostRead / 2);
        message = message.Replace("\r\n", " ", StringComparison.Ordinal).Replace('\n', ' ');
        var text = Escape(AtomicFile.WithFinalNames(message));
        if (LongestWord(text) > LongestQuote)
        {
            text = LongWord().Replace(text, word => Shorten(word.Value, LongestName, LongestName / 2));
            text = LongQuote().Replace(text, quote => Shorten(quote.Value, LongestQuote, LongestQuote / 3));
        }

        return Shorten(text, MostCharacters, ShownTail);
    }

    /// <summary>The length of the longest piece without white space and slashes.</summary>
    private static int LongestWord(string text)
    {
        var (longest, current) = (0, 0);
        foreach (var letter in text)
        {
            current = letter == '/' || char.IsWhiteSpace(letter) ? 0 : current + 1;
            longest = Math.Max(longest, current);
        }

        return longest;
    }

    /// <summary>Control characters, those that change the direction of text, and half surrogates by their codes.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length;)
        {
            if (Rune.TryGetRuneAt(text, i, out var rune))
            {
                if (IsShown(rune)) escaped.Append(rune.ToString());
                else if (rune.IsBmp) escaped.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
                else escaped.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}");
                i += rune.Utf16SequenceLength;
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i++]:x4}");
            }
        }

        return escaped.ToString();
    }

    private static bool IsShown(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => false,
        UnicodeCategory.Format => rune.Value is ZeroWidthNonJoiner or ZeroWidthJoiner,
        _ => true,
    };

    /// <summary>Cuts the middle: a message begins with the place and ends with what to do.</summary>
    private static string Shorten(string text, int most, int tail)
    {
        if (text.Length <= most) return text;
        var (head, rest) = (most - tail - 1, text.Length - tail);
        if (char.IsHighSurrogate(text[head - 1])) head--;
        if (char.IsLowSurrogate(text[rest])) rest++;
        return $"{text[..head]}…{text[rest..]}";
    }

    [GeneratedRegex(@"[^\s/]{256,}")]
    private static partial Regex LongWord();

    [GeneratedRegex(@"(?<=')[^'\s/]{61,}(?=')|(?<="")[^""\s/]{61,}(?="")")]
    private static partial Regex LongQuote();
}

/// <summary>
/// What of files and options stands in human-readable results. Names, labels and quoted pieces are escaped as in messages,
/// wherever the result goes; text that is the result itself reaches a file or a pipe as it is, and a terminal without control
/// characters.
/// </summary>
internal static class ResultText
{
    /// <summary>A name or another text in a cell, a title or a line, as Spectre's markup.</summary>
    public static string Label(string text)
    {
        var markup = Markup.Escape(MessageText.Escape(text));

        // Markup replaces ":bug:" by a picture, but not across a tag.
        return Emoji.Replace(markup) == markup ? markup : markup.Replace(":", ":[default][/]", StringComparison.Ordinal);
    }

    /// <summary>Writes a line of markup whose interpolated strings are labels; numbers in the invariant culture.</summary>
    public static void LabelledLine(this IAnsiConsole console, FormattableString line) =>
        console.MarkupLine(string.Format(
            CultureInfo.InvariantCulture, line.Format,
            Array.ConvertAll(line.GetArguments(), value => value is string text ? Label(text) : value)));

    /// <summary>
    /// Text as a terminal gets it. Control characters could command it and are replaced. Characters that set the direction are
    /// part of Arabic and Hebrew text; they stay, as their effect ends with the line.
    /// </summary>
    public static string ForTerminal(string text) =>
        string.Concat(text.Select(letter => IsCommand(letter) ? (char)Rune.ReplacementChar.Value : letter));

    private static bool IsCommand(char letter) => char.IsControl(letter) && letter is not ('\n' or '\t');
}
