using System.Globalization;

namespace Bam.Cli;

/// <summary>Large numbers with unit prefixes: <c>400B</c>, <c>989T</c>, <c>4e11</c>, <c>80G</c>.</summary>
internal static class Quantity
{
    private static readonly string[] Prefixes = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];

    /// <summary>
    /// The number that an option's text means: digits, underscores, an exponent, and k, M, G or B (10^9), T, P or E behind it.
    /// </summary>
    /// <exception cref="InvalidInputException">It is no number that is 0 or more.</exception>
    public static double Parse(string option, string text)
    {
        var digits = text.Replace("_", "", StringComparison.Ordinal);
        var factor = digits is [.., var last] ? FactorOf(last) : 1;
        if (factor != 1) digits = digits[..^1];
        const NumberStyles style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(digits, style, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number * factor
            : throw new InvalidInputException(option, "a number such as 400B, 1.5T or 4e11", text, "correct it");
    }

    /// <summary>Three significant digits with a prefix, as "1.99 T".</summary>
    public static string Short(double value, string unit = "")
    {
        var power = 0;
        // 999.5 would be "1000" at three digits.
        for (; value >= 999.5 && power < Prefixes.Length - 1; power++) value /= 1000;
        var format = power == 0 && value == Math.Round(value)
            ? "0"
            : value switch { >= 99.95 => "0", >= 9.995 => "0.0", _ => "0.00" };
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {Prefixes[power]}{unit}".TrimEnd();
    }

    /// <summary>A number of tokens, as "400 B".</summary>
    public static string Tokens(double count) => Short(count).Replace('G', 'B');

    /// <summary>FLOPs of a whole training, as "7.84e20".</summary>
    public static string Flops(double count) => count.ToString("0.00e0", CultureInfo.InvariantCulture);

    /// <summary>
    /// A duration in the largest unit of which there are two: "50 s", "12 min", "3.2 h", "41 days", "5.1 years".
    /// </summary>
    public static string Duration(double seconds)
    {
        (double Size, string Name)[] units = [(365.25 * 86_400, "years"), (86_400, "days"), (3600, "h"), (60, "min"), (1, "s")];
        var (size, name) = units.FirstOrDefault(unit => seconds >= 2 * unit.Size, units[^1]);
        var count = seconds / size;
        return $"{count.ToString(count < 9.95 ? "0.0" : "#,0", CultureInfo.InvariantCulture)} {name}";
    }

    private static double FactorOf(char suffix) => suffix switch
    {
        'k' => 1e3,
        'M' => 1e6,
        'G' or 'B' => 1e9,
        'T' => 1e12,
        'P' => 1e15,
        'E' => 1e18,
        _ => 1,
    };
}

/// <summary>
/// File sizes with units: <c>5GB</c>, <c>500 MB</c>, <c>2GiB</c>, <c>4096</c>. Here B means byte, not billion.
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
        var power = rest.Length == 0
            ? 0
            : 1 + Array.FindIndex(Units, unit => unit.Equals(rest[^1..], StringComparison.OrdinalIgnoreCase));
        if (power > 0) rest = rest[..^1];
        var isNumber = double.TryParse(
            rest.TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
        var bytes = number * Math.Pow(isBinary ? 1024 : 1000, power);
        return isNumber && bytes is >= 1 and < long.MaxValue && (power > 0 || !isBinary)
            ? (long)bytes
            : throw new InvalidInputException(
                option, "a size of at least one byte, such as 5GB, 500MB or 2GiB", text, "correct it");
    }
}
