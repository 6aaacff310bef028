using System.Text;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Pipeline;

/// <summary>Rewrites text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    /// <summary>
    /// The first letter of the result comes from the first letter of the text. Where it does not, Hugging Face's tokenizers take
    /// what follows for the middle of a text.
    /// </summary>
    public virtual bool KeepsStart => true;

    /// <summary>The rewritten text, or <paramref name="text"/> itself when nothing changes.</summary>
    public abstract ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text);
}

/// <summary>Several normalizers, one after the other.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<Normalizer> steps) : Normalizer
{
    /// <summary>The normalizers.</summary>
    public IReadOnlyList<Normalizer> Steps => steps;

    /// <inheritdoc/>
    public override bool KeepsStart => steps.All(step => step.KeepsStart);

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        foreach (var step in steps) text = step.Normalize(text);
        return text;
    }
}

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class UnicodeForm(UnicodeNormalization form) : Normalizer
{
    /// <summary>Which.</summary>
    public UnicodeNormalization Form => form;

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) => form.Normalize(text);
}

/// <summary>Lowercases code point by code point, without regard to language or position.</summary>
internal sealed class Lowercase : Normalizer
{
    // The one character whose lowercase is two; .NET leaves it alone.
    private const string CapitalIWithDot = "\u0130", SmallIWithDot = "i\u0307";

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) =>
        text.ToString().ToLowerInvariant().Replace(CapitalIWithDot, SmallIWithDot, StringComparison.Ordinal);
}

/// <summary>Removes White_Space from the ends.</summary>
internal sealed class Strip(bool left, bool right) : Normalizer
{
    /// <inheritdoc/>
    public override bool KeepsStart => !left;

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        if (left) text = text.TrimStart();
        return right ? text.TrimEnd() : text;
    }
}

/// <summary>Puts a text in front of every one that is not empty.</summary>
internal sealed class Prepend(string prefix) : Normalizer
{
    /// <summary>What it puts there.</summary>
    public string Prefix => prefix;

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) =>
        text.IsEmpty ? text : string.Concat(prefix, text);
}

/// <summary>Replaces every match of a literal or a regular expression by a fixed text.</summary>
internal sealed class Replace(CodePointRegex pattern, string content) : Normalizer
{
    /// <summary>The text that it looks for; null for a regular expression.</summary>
    public string? Literal => pattern.Literal;

    /// <summary>What stands in the place of each match.</summary>
    public string Content => content;

    /// <summary>It looks for one letter, so that it does the same to a text and to its parts.</summary>
    public bool IsOfOneLetter => pattern.IsOneLetter;

    /// <inheritdoc/>
    public override bool KeepsStart => IsOfOneLetter && content.Length > 0;

    /// <inheritdoc/>
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
