using System.Globalization;

namespace Bam.Tokenization.Unicode;

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
