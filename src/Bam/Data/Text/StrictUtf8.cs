using System.Text;

namespace Bam.Data.Text;

/// <summary>Text from bytes, without replacement characters: damage is refused, not trained on.</summary>
internal static class StrictUtf8
{
    /// <summary>The most characters of a document, in UTF-16 units: what a string holds.</summary>
    public const int MaxCharacters = 0x3FFF_FFDF;

    /// <summary>What to do about text that is not UTF-8.</summary>
    public const string Hint = "convert it, for example with 'iconv -f latin1 -t utf-8'";

    private static readonly UTF8Encoding Encoding = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Decodes all bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="origin">What to name in a refusal: a file, or a file and a line.</param>
    /// <param name="maxCharacters">The most UTF-16 units that are taken.</param>
    /// <exception cref="InvalidInputException">They are not UTF-8, or are more characters than fit.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes, string origin, int maxCharacters = MaxCharacters)
    {
        try
        {
            if (bytes.Length > maxCharacters && Encoding.GetCharCount(bytes) > maxCharacters) throw TooLong(origin, maxCharacters);
            return Encoding.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidInputException($"{origin}: expected UTF-8 text, found {Describe(bytes, Math.Max(0, e.Index))}; {HintFor(bytes)}", e);
        }
    }

    /// <summary>What to do about text that is not UTF-8: what it begins with may say what it is.</summary>
    private static string HintFor(ReadOnlySpan<byte> bytes) =>
        bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] ? "it begins as UTF-16 does: convert it with 'iconv -f utf-16 -t utf-8'" : Hint;

    /// <summary>The most bytes that a document of so many UTF-16 units has, at most three each, as far as an array holds them.</summary>
    public static long MaxBytes(int maxCharacters) => Math.Min(3L * maxCharacters, Array.MaxLength);

    /// <summary>The refusal of a document of more.</summary>
    public static InvalidInputException TooLong(string origin, int maxCharacters) =>
        new(origin, $"a document of at most {maxCharacters:N0} characters", "a longer one", "split the document");

    /// <summary>A byte that is not UTF-8, for refusals.</summary>
    public static string Describe(ReadOnlySpan<byte> bytes, int at) => $"byte 0x{bytes[at]:X2} at offset {at}";
}
