namespace Bam.Tokenization.Normalizers;

/// <summary>Lowercases code point by code point, without regard to language or position.</summary>
internal sealed class Lowercase : Normalizer
{
    // The one character whose lowercase is two; .NET leaves it alone.
    private const string CapitalIWithDot = "\u0130", SmallIWithDot = "i\u0307";

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) =>
        text.ToString().ToLowerInvariant().Replace(CapitalIWithDot, SmallIWithDot, StringComparison.Ordinal);
}
