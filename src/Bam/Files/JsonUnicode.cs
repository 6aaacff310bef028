using System.Globalization;
using System.Text;

namespace Bam.Files;

/// <summary>Finds what the JSON parser lets pass and then cannot turn into text: half surrogate pairs and bytes that are not UTF-8.</summary>
internal static class JsonUnicode
{
    private const int EscapeLength = 6;  // \u and four hexadecimal digits

    /// <summary>The first such place in valid JSON, and what is there; null where all is Unicode.</summary>
    public static (int Offset, string Found)? FaultOf(ReadOnlySpan<byte> json)
    {
        if (Utf8Bytes.IndexOfInvalid(json) is >= 0 and var invalid) return (invalid, "bytes that are not UTF-8");
        if (OffsetOfHalfSurrogate(json) is not { } offset) return null;
        return (offset, $"half of a surrogate pair, {Encoding.ASCII.GetString(json.Slice(offset, EscapeLength))}");
    }

    // Outside strings valid JSON has no backslash.
    private static int? OffsetOfHalfSurrogate(ReadOnlySpan<byte> json)
    {
        for (var offset = 0; ;)
        {
            var next = json[offset..].IndexOf((byte)'\\');
            if (next < 0) return null;
            offset += next;
            var unit = EscapedUnit(json[offset..]);
            if (char.IsHighSurrogate(unit) && char.IsLowSurrogate(EscapedUnit(json[(offset + EscapeLength)..]))) offset += 2 * EscapeLength;
            else if (char.IsSurrogate(unit)) return offset;
            else offset += 2;
        }
    }

    /// <summary>The UTF-16 unit of the escape \uXXXX that a text begins with, or NUL.</summary>
    private static char EscapedUnit(ReadOnlySpan<byte> json) =>
        json.StartsWith("\\u"u8) && ushort.TryParse(json.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : '\0';
}
