using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Normalizers;

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class UnicodeForm(UnicodeNormalization form) : Normalizer
{
    /// <summary>Which.</summary>
    public UnicodeNormalization Form => form;

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) => form.Normalize(text);
}
