using System.Globalization;
using System.Text;

namespace Bam.Tokenization.Normalizers;

/// <summary>Removes combining marks (\p{M}); useful after a decomposition.</summary>
internal sealed class StripAccents : Normalizer
{
    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        var output = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text[i..], out var rune, out var length);
            if (!IsMark(Rune.GetUnicodeCategory(rune))) output.Append(text.Slice(i, length));
            i += length;
        }

        return output.Length == text.Length ? text : output.ToString();
    }

    private static bool IsMark(UnicodeCategory category) => category
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
}
