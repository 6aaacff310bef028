using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

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
