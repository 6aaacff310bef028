using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Bam.Files;

/// <summary>Finds what the JSON parser lets pass and then cannot turn into text: half surrogate pairs and bytes that are not UTF-8.</summary>
internal static class JsonUnicode
{
    private const int EscapeLength = 6;  // \u and four hexadecimal digits

    /// <summary>The first such place in valid JSON, and what is there; null where all is Unicode.</summary>
    public static (int Offset, string Found)? FaultOf(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json)) return (OffsetOfInvalidUtf8(json), "bytes that are not UTF-8");
        if (OffsetOfHalfSurrogate(json) is not { } offset) return null;
        return (offset, $"half of a surrogate pair, {Encoding.ASCII.GetString(json.Slice(offset, EscapeLength))}");
    }

    private static int OffsetOfInvalidUtf8(ReadOnlySpan<byte> json)
    {
        var offset = 0;
        while (Rune.DecodeFromUtf8(json[offset..], out _, out var length) == OperationStatus.Done) offset += length;
        return offset;
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
