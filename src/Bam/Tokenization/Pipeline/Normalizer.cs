using System.Text;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Pipeline;

/// <summary>Transforms text before pre-tokenization.</summary>
internal abstract class Normalizer
{
    /// <summary>
    /// True if the first character of the result stems from the first character of the text. Otherwise Hugging Face's tokenizers
    /// treat the result as the middle of a text.
    /// </summary>
    public virtual bool KeepsStart => true;

    /// <summary>The normalizer of text that continues other text: without a prefix. Null for one that does nothing.</summary>
    public virtual Normalizer? Continuing => this;

    /// <summary>The normalized text, or <paramref name="text"/> itself if nothing changes.</summary>
    public abstract ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text);
}

internal sealed class NormalizerSequence(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public IReadOnlyList<Normalizer> Steps => steps;

    public override bool KeepsStart => steps.All(step => step.KeepsStart);

    public override Normalizer? Continuing =>
        new NormalizerSequence([.. steps.Select(step => step.Continuing).OfType<Normalizer>()]);

    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        foreach (var step in steps) text = step.Normalize(text);
        return text;
    }
}

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class UnicodeForm(UnicodeNormalization form) : Normalizer
{
    public UnicodeNormalization Form => form;

    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) => form.Normalize(text);
}

/// <summary>Lowercases each code point, independent of language and context.</summary>
internal sealed class Lowercase : Normalizer
{
    // The only character whose lowercase form has two code points; .NET does not change it.
    private const string CapitalIWithDot = "\u0130", SmallIWithDot = "i\u0307";

    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) =>
        text.ToString().ToLowerInvariant().Replace(CapitalIWithDot, SmallIWithDot, StringComparison.Ordinal);
}

/// <summary>Removes Unicode White_Space from the ends.</summary>
internal sealed class Strip(bool left, bool right) : Normalizer
{
    public override bool KeepsStart => !left;

    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        if (left) text = text.TrimStart();
        return right ? text.TrimEnd() : text;
    }
}

/// <summary>Prepends a prefix to non-empty text.</summary>
internal sealed class Prepend(string prefix) : Normalizer
{
    public string Prefix => prefix;

    public override Normalizer? Continuing => null;

    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) =>
        text.IsEmpty ? text : string.Concat(prefix, text);
}

/// <summary>Replaces every match of a literal or a regular expression by a fixed text.</summary>
internal sealed class Replace(CodePointRegex pattern, string content) : Normalizer
{
    /// <summary>The text to replace; null for a regular expression.</summary>
    public string? Literal => pattern.Literal;

    /// <summary>The replacement of each match.</summary>
    public string Content => content;

    /// <summary>True if the pattern is one character, so that the result does not depend on how the text is split.</summary>
    public bool IsOfOneLetter => pattern.IsOneLetter;

    public override bool KeepsStart => IsOfOneLetter && content.Length > 0;

    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        var matches = pattern.Matches(text);
        if (matches.Count == 0) return text;
        var output = new StringBuilder(text.Length);
        var position = 0;
        foreach (var (start, end) in matches)
        {
            output.Append(text[position..start]).Append(content);
            position = end;
        }

        return output.Append(text[position..]).ToString();
    }
}
