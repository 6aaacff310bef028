using System.Globalization;

namespace Bam.Cli;

/// <summary>
/// Sizes of files as people write them: <c>5GB</c>, <c>500 MB</c>, <c>2GiB</c>, <c>4096</c>. A B is a byte here, not a billion.
/// </summary>
internal static class ByteSize
{
    private static readonly string[] Units = ["k", "M", "G", "T"];

    /// <summary>The bytes that an option's text means; units are powers of 1000, with an i powers of 1024.</summary>
    /// <exception cref="InvalidInputException">It is no size of at least one byte.</exception>
    public static long Parse(string option, string text)
    {
        var rest = text.EndsWith('B') ? text[..^1] : text;
        var isBinary = text.EndsWith("iB", StringComparison.Ordinal);
        if (isBinary) rest = rest[..^1];
        var power = rest.Length == 0 ? 0 : 1 + Array.FindIndex(Units, unit => unit.Equals(rest[^1..], StringComparison.OrdinalIgnoreCase));
        if (power > 0) rest = rest[..^1];
        var isNumber = double.TryParse(rest.TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
        var bytes = number * Math.Pow(isBinary ? 1024 : 1000, power);
        return isNumber && bytes is >= 1 and < long.MaxValue && (power > 0 || !isBinary)
            ? (long)bytes
            : throw new InvalidInputException(option, "a size of at least one byte, as 5GB, 500MB or 2GiB", text, "correct it");
    }
}
