using System.Text;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Normalizers;

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
