using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Bam.Files;

namespace Bam.Experiments.Reporting;

/// <summary>
/// HTML and SVG under construction. Text reaches it through interpolated strings only: what stands in the string is markup, what
/// stands in its holes is escaped, so that no name or recipe can become markup. The markup is well-formed XML.
/// </summary>
internal sealed class Html
{
    private readonly StringBuilder text = new();

    /// <summary>Appends markup; its holes are escaped unless they are <see cref="Html"/> themselves.</summary>
    public Html Add([InterpolatedStringHandlerArgument("")] ref Markup markup)
    {
        _ = markup;
        return this;
    }

    /// <summary>Appends markup, followed by a line break.</summary>
    public Html Line([InterpolatedStringHandlerArgument("")] ref Markup markup)
    {
        _ = markup;
        text.Append('\n');
        return this;
    }

    /// <summary>One piece of markup.</summary>
    public static Html Of(Func<Html, Html> write) => write(new());

    /// <inheritdoc/>
    public override string ToString() => text.ToString();

    /// <summary>Escapes the holes of an interpolated string on their way into the builder.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Markup
    {
        private readonly StringBuilder text;

        /// <summary>Starts a piece of markup at the builder's end.</summary>
        public Markup(int literalLength, int formattedCount, Html html)
        {
            text = html.text;
            text.EnsureCapacity(text.Length + literalLength + (formattedCount * 8));
        }

        /// <summary>Markup as it stands.</summary>
        public void AppendLiteral(string markup) => text.Append(markup);

        /// <summary>Text, escaped.</summary>
        public void AppendFormatted(string? value) => text.Append(WebUtility.HtmlEncode(value));

        /// <summary>Markup that was built before.</summary>
        public void AppendFormatted(Html html) => text.Append(html.text);

        /// <summary>A count.</summary>
        public void AppendFormatted(int value) => text.Append(CultureInfo.InvariantCulture, $"{value}");

        /// <summary>A coordinate, to a hundredth.</summary>
        public void AppendFormatted(double value) => text.Append(CultureInfo.InvariantCulture, $"{value:0.##}");
    }
}

/// <summary>A whole page: one file with its style sheet, without scripts or outside references.</summary>
internal static partial class HtmlPage
{
    /// <summary>The page's text; the title is escaped here.</summary>
    public static string Of(string title, Html body) => Template("report.html")
        .Replace("{{title}}", Html.Of(html => html.Add($"{title}")).ToString(), StringComparison.Ordinal)
        .Replace("{{style}}", Template("report.css"), StringComparison.Ordinal)
        .Replace("{{body}}", body.ToString(), StringComparison.Ordinal);

    /// <summary>True for a file that holds such a page.</summary>
    public static bool IsOne(string path)
    {
        var head = InputFile.ReadHead(path);
        return head.StartsWith("<!doctype html>", StringComparison.Ordinal) && Title().IsMatch(head);
    }

    // What a page's title ends with.
    [GeneratedRegex("<title>[^<]* Bam (report|study|studies)</title>")]
    private static partial Regex Title();

    private static string Template(string name)
    {
        using var stream = typeof(HtmlPage).Assembly.GetManifestResourceStream($"Bam.Experiments.Reporting.Templates.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
