using System.Globalization;
using System.Text;

namespace Bam.Tokenization.Unicode;

/// <summary>
/// GPT-2's letters for the 256 bytes: a printable character of Latin-1 stands for itself, every other byte for a letter from
/// U+0100 on, so that a vocabulary of byte strings can be written as text. The space is Ġ.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Letters = BuildLetters();
    private static readonly short[] Bytes = BuildBytes();

    /// <summary>All 256 letters by code point: the order of the byte tokens in a trained vocabulary.</summary>
    public static IEnumerable<char> Ordered => Letters.Order();

    /// <summary>The letter of a byte.</summary>
    public static char LetterOf(byte value) => Letters[value];

    /// <summary>The byte of a letter, or -1.</summary>
    public static int ByteOf(char letter) => letter < Bytes.Length ? Bytes[letter] : -1;

    /// <summary>The bytes that a token stands for: its letters' bytes or, when one of them is no letter, its own UTF-8.</summary>
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

/// <summary>SentencePiece's names for the 256 bytes: &lt;0x0A&gt; is the line feed.</summary>
internal static class ByteToken
{
    private const int Length = 6;

    /// <summary>The token of a byte.</summary>
    public static string NameOf(byte value) => $"<0x{value:X2}>";

    /// <summary>The byte that a token names, in digits of either case; -1 when it names none.</summary>
    public static int ValueOf(ReadOnlySpan<char> token) =>
        token.Length == Length && token is ['<', '0', 'x', _, _, '>']
            && byte.TryParse(token[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : -1;
}
