using System.Text;
using System.Text.Unicode;

namespace Bam.Data.Text;

/// <summary>Text from bytes, without replacement characters: damage is refused, not trained on.</summary>
internal static class StrictUtf8
{
    private static readonly UTF8Encoding Encoding = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Decodes all bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="origin">What to name in a refusal: a file, or a file and a line.</param>
    /// <exception cref="InvalidInputException">They are not UTF-8.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes, string origin)
    {
        try
        {
            return Encoding.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            var at = Math.Max(0, e.Index);
            throw new InvalidInputException(
                $"{origin}: expected UTF-8 text, found byte 0x{bytes[at]:X2} at offset {at}; convert it, for example with 'iconv -f latin1 -t utf-8'", e);
        }
    }

    /// <summary>Only checks.</summary>
    /// <exception cref="InvalidInputException">They are not UTF-8.</exception>
    public static void Check(ReadOnlySpan<byte> bytes, string origin)
    {
        if (!Utf8.IsValid(bytes)) Decode(bytes, origin);
    }

    /// <summary>The bytes after a byte-order mark, if there is one.</summary>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) => bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
}
