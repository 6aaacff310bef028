using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Spectre.Console;

namespace Bam.Cli;

/// <summary>
/// What of files and options stands in human-readable results. Names, labels and quoted pieces are escaped as in messages,
/// wherever the result goes; text that is the result itself reaches a file or a pipe as it is, and a terminal without control
/// characters.
/// </summary>
internal static class ResultText
{
    /// <summary>A name or another text in a cell, a title or a line, as Spectre's markup.</summary>
    public static string Label(string text) => Markup.Escape(MessageText.Escape(text));

    /// <summary>Writes a line of markup whose interpolated strings are labels; numbers in the invariant culture.</summary>
    public static void LabelledLine(this IAnsiConsole console, FormattableString line) =>
        console.MarkupLineInterpolated(
            CultureInfo.InvariantCulture,
            FormattableStringFactory.Create(line.Format, [.. line.GetArguments().Select(value => value is string text ? MessageText.Escape(text) : value)]));

    /// <summary>
    /// Text as a terminal gets it. Control characters could command it and are replaced. Characters that set the direction are
    /// part of Arabic and Hebrew text; they stay, as their effect ends with the line.
    /// </summary>
    public static string ForTerminal(string text) =>
        string.Concat(text.Select(letter => char.IsControl(letter) && letter is not ('\n' or '\t') ? (char)Rune.ReplacementChar.Value : letter));
}
