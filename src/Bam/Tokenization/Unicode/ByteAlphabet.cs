using System.Globalization;
using System.Text;

namespace Bam.Tokenization.Unicode;

/// <summary>
/// GPT-2's mapping of the 256 bytes to characters: printable Latin-1 characters map to themselves, other bytes to characters from
/// U+0100 on, so that byte strings can be written as text. The space is Ġ.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Letters = BuildLetters();
    private static readonly short[] Bytes = BuildBytes();

    /// <summary>All 256 characters by code point: the order of byte tokens in a trained vocabulary.</summary>
    public static IEnumerable<char> Ordered => Letters.Order();

    public static char LetterOf(byte value) => Letters[value];

    /// <summary>The byte of a character, or -1.</summary>
    public static int ByteOf(char letter) => letter < Bytes.Length ? Bytes[letter] : -1;

    /// <summary>The bytes of a token: those of its characters, or its UTF-8 if a character represents no byte.</summary>
    public static byte[] BytesOf(ReadOnlySpan<char> token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            var value = ByteOf(token[i]);
            if (value < 0) return Utf8Of(token);
            bytes[i] = (byte)value;
        }

        return bytes;
    }

    private static byte[] Utf8Of(ReadOnlySpan<char> token)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(token)];
        Encoding.UTF8.GetBytes(token, bytes);
        return bytes;
    }

    private static char[] BuildLetters()
    {
        var letters = new char[256];
        var next = '\u0100';
        for (var value = 0; value < 256; value++)
            letters[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : next++;
        return letters;
    }

    private static short[] BuildBytes()
    {
        var bytes = new short[Letters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++) bytes[Letters[value]] = (short)value;
        return bytes;
    }
}

/// <summary>SentencePiece's byte tokens: &lt;0x0A&gt; is the line feed.</summary>
internal static class ByteToken
{
    private const int Length = 6;

    public static string NameOf(byte value) => $"<0x{value:X2}>";

    /// <summary>The byte of a byte token, with upper or lower case digits; -1 for other tokens.</summary>
    public static int ValueOf(ReadOnlySpan<char> token) =>
        token.Length == Length && token is ['<', '0', 'x', _, _, '>']
            && byte.TryParse(token[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : -1;
}
