namespace Bam.Tokenization.Normalizers;

/// <summary>Puts a text in front of every one that is not empty.</summary>
internal sealed class Prepend(string prefix) : Normalizer
{
    /// <summary>What it puts there.</summary>
    public string Prefix => prefix;

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) =>
        text.IsEmpty ? text : string.Concat(prefix, text);
}
