using System.Text.Json;

namespace Bam.Files;

/// <summary>Reads a user's JSON, turning what the parser reports into one line.</summary>
internal static class JsonInput
{
    /// <summary>The deepest nesting that is read; no file that Bam reads comes near it.</summary>
    private const int MaximumDepth = 64;

    /// <summary>Parses one JSON object and reads it.</summary>
    /// <param name="json">UTF-8 text.</param>
    /// <param name="where">The file, and what of it this is.</param>
    /// <param name="hint">What to do when it is not a JSON object.</param>
    /// <param name="read">Reads the object; its names and strings are Unicode.</param>
    /// <exception cref="InvalidInputException">As <see cref="Parse"/> says, or it is not an object.</exception>
    public static T ReadObject<T>(ReadOnlySpan<byte> json, string where, string hint, Func<JsonElement, T> read)
    {
        var root = Parse(json, where, hint);
        return root.ValueKind == JsonValueKind.Object
            ? read(root)
            : throw new InvalidInputException(where, "a JSON object", Describe(root), hint);
    }

    /// <summary>Parses JSON. Names and strings of the result are Unicode, so that reading them cannot fail.</summary>
    /// <param name="json">UTF-8 text; a byte-order mark is dropped.</param>
    /// <param name="where">The file, and what of it this is.</param>
    /// <param name="hint">What to do about a damaged file.</param>
    /// <exception cref="InvalidInputException">It is not JSON, is nested too deep, or holds half a surrogate pair or bytes that are not UTF-8.</exception>
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
                throw new InvalidInputException($"{where}: {place}", "a number, null or a string", $"{number}, which is no JSON though Python writes it", "replace it, or remove its key");
            throw new InvalidInputException($"{where}: {(IsTooDeep(json) ? $"nested deeper than {MaximumDepth} levels" : "not JSON")} ({place}); {hint}", e);
        }

        RequireUnicode(json, where, hint);
        return root;
    }

    /// <summary>Refuses valid JSON in which a name or a string is not Unicode text.</summary>
    /// <param name="json">UTF-8 text.</param>
    /// <param name="where">The file, and what of it this is.</param>
    /// <param name="hint">What to do about it.</param>
    /// <exception cref="InvalidInputException">Says where the first such text is.</exception>
    public static void RequireUnicode(ReadOnlySpan<byte> json, string where, string hint)
    {
        if (JsonUnicode.FaultOf(json) is not { } fault) return;
        var before = json[..fault.Offset];
        var (line, position) = (before.Count((byte)'\n') + 1, fault.Offset - before.LastIndexOf((byte)'\n'));
        throw new InvalidInputException($"{where}: line {line}, byte {position}", "Unicode text", fault.Found, hint);
    }

    /// <summary>A value as it is shown in a message.</summary>
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
        if (json is [(byte)'-', ..]) json = json[1..];  // the fault is said to be at the sign or behind it
        return json.StartsWith("NaN"u8) ? "NaN" : json.StartsWith("Infinity"u8) ? "Infinity" : null;
    }

    private static bool IsTooDeep(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaximumDepth + 1 });
        try
        {
            while (reader.Read())
            {
                if (reader is { TokenType: JsonTokenType.StartArray or JsonTokenType.StartObject, CurrentDepth: MaximumDepth }) return true;
            }

            return false;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
