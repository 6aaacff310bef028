using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Bam.Files;

/// <summary>Reads user JSON and reports errors as one-line messages.</summary>
internal static class JsonInput
{
    /// <summary>Depth limit, far above that of valid files.</summary>
    private const int MaximumDepth = 64;

    /// <summary>Parses a JSON object from UTF-8 text and reads it with <paramref name="read"/>.</summary>
    /// <exception cref="InvalidInputException">See <see cref="Parse"/>, or it is not an object.</exception>
    public static T ReadObject<T>(ReadOnlySpan<byte> json, string where, string hint, Func<JsonElement, T> read)
    {
        var root = Parse(json, where, hint);
        return root.ValueKind == JsonValueKind.Object
            ? read(root)
            : throw new InvalidInputException(where, "a JSON object", Describe(root), hint);
    }

    /// <summary>
    /// Parses UTF-8 JSON; a byte order mark is dropped. Names and strings of the result are valid Unicode, so that reading them
    /// cannot fail.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// It is not JSON, is nested too deeply, or contains unpaired surrogates or invalid UTF-8.
    /// </exception>
    public static JsonElement Parse(ReadOnlySpan<byte> json, string where, string hint)
    {
        json = Utf8Bytes.WithoutMark(json);
        JsonElement root;
        try
        {
            root = JsonElement.Parse(json);
        }
        catch (JsonException e)
        {
            var place = $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}";
            if (NumberThatIsNoJson(json, e) is { } number)
                throw new InvalidInputException(
                    $"{where}: {place}", "a number, null or a string", $"{number}, which is no JSON though Python writes it",
                    "replace it, or remove its key");
            throw new InvalidInputException(
                $"{where}: {(IsTooDeep(json) ? $"nested deeper than {MaximumDepth} levels" : "not JSON")} ({place}); {hint}", e);
        }

        RequireUnicode(json, where, hint);
        return root;
    }

    /// <summary>Rejects valid JSON with a name or string that is not valid Unicode.</summary>
    /// <exception cref="InvalidInputException">The message names the position of the first one.</exception>
    public static void RequireUnicode(ReadOnlySpan<byte> json, string where, string hint)
    {
        if (JsonUnicode.FaultOf(json) is not { } fault) return;
        var before = json[..fault.Offset];
        var (line, position) = (before.Count((byte)'\n') + 1, fault.Offset - before.LastIndexOf((byte)'\n'));
        throw new InvalidInputException($"{where}: line {line}, byte {position}", "Unicode text", fault.Found, hint);
    }

    /// <summary>A value, for messages.</summary>
    public static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        _ => ShortText.Of(value.GetRawText()),
    };

    private static string? NumberThatIsNoJson(ReadOnlySpan<byte> json, JsonException e)
    {
        for (var line = e.LineNumber ?? 0; line > 0; line--) json = json[(json.IndexOf((byte)'\n') + 1)..];
        json = json[(int)Math.Min(e.BytePositionInLine ?? 0, json.Length)..];
        if (json is [(byte)'-', ..]) json = json[1..];  // the reported position is at the sign or after it
        return json.StartsWith("NaN"u8) ? "NaN" : json.StartsWith("Infinity"u8) ? "Infinity" : null;
    }

    private static bool IsTooDeep(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaximumDepth + 1 });
        try
        {
            while (reader.Read())
            {
                if (reader is { TokenType: JsonTokenType.StartArray or JsonTokenType.StartObject, CurrentDepth: MaximumDepth })
                    return true;
            }

            return false;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

/// <summary>Finds text that the JSON parser accepts but cannot decode: unpaired surrogates and invalid UTF-8.</summary>
internal static class JsonUnicode
{
    private const int EscapeLength = 6;  // \u and four hexadecimal digits

    /// <summary>The first such position in valid JSON and what was found; null if there is none.</summary>
    public static (int Offset, string Found)? FaultOf(ReadOnlySpan<byte> json)
    {
        if (Utf8Bytes.IndexOfInvalid(json) is >= 0 and var invalid) return (invalid, "bytes that are not UTF-8");
        if (OffsetOfHalfSurrogate(json) is not { } offset) return null;
        return (offset, $"half of a surrogate pair, {Encoding.ASCII.GetString(json.Slice(offset, EscapeLength))}");
    }

    // Valid JSON has backslashes inside strings only.
    private static int? OffsetOfHalfSurrogate(ReadOnlySpan<byte> json)
    {
        for (var offset = 0; ;)
        {
            var next = json[offset..].IndexOf((byte)'\\');
            if (next < 0) return null;
            offset += next;
            var unit = EscapedUnit(json[offset..]);
            if (char.IsHighSurrogate(unit) && char.IsLowSurrogate(EscapedUnit(json[(offset + EscapeLength)..])))
                offset += 2 * EscapeLength;
            else if (char.IsSurrogate(unit)) return offset;
            else offset += 2;
        }
    }

    /// <summary>The UTF-16 unit of a leading \uXXXX escape, or NUL.</summary>
    private static char EscapedUnit(ReadOnlySpan<byte> json) =>
        json.StartsWith("\\u"u8)
            && ushort.TryParse(json.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : '\0';
}

/// <summary>Shortens quoted text in messages.</summary>
internal static class ShortText
{
    private const int DefaultLength = 60;

    /// <summary>The text, cut after <paramref name="most"/> UTF-16 units and an ellipsis; no surrogate pair is split.</summary>
    public static string Of(string text, int most = DefaultLength)
    {
        if (text.Length <= most) return text;
        return $"{text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)]}…";
    }
}
