using System.Text.Json;

namespace Bam.Data.Text;

/// <summary>Documents in JSONL: one object a line, the text in one of its fields.</summary>
internal static class JsonLines
{
    private const string Hint = "mend the line or take it out";

    /// <summary>The documents of a stream, which is left open; blank lines are passed over.</summary>
    /// <exception cref="InvalidInputException">A line is no JSON object or has no text; the message names the line.</exception>
    public static IEnumerable<TextDocument> Read(Stream stream, string file, DocumentFormat format)
    {
        var lines = new LineReader(stream, file);
        while (TryReadNext(lines, format, out var document)) yield return document;
    }

    private static bool TryReadNext(LineReader lines, DocumentFormat format, out TextDocument document)
    {
        while (lines.TryRead(out var line))
        {
            line = line.TrimEnd(" \t\r\n"u8);
            if (line.IsEmpty) continue;
            document = Parse(line, lines.Origin, format);
            return true;
        }

        document = default;
        return false;
    }

    private static TextDocument Parse(ReadOnlySpan<byte> line, DocumentOrigin start, DocumentFormat format)
    {
        var origin = $"{start}";
        // The parser would pass damaged bytes on until a string is read.
        StrictUtf8.Check(line, origin);
        try
        {
            using var json = JsonDocument.Parse(line.ToArray());
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new InvalidInputException(origin, "a JSON object", Describe(json.RootElement), Hint);
            return new(
                start,
                Field(json.RootElement, format.TextKey, origin, "name the text's field with --text-key"),
                format.GroupKey is null ? null : Field(json.RootElement, format.GroupKey, origin, "name the field of the slices' document with --group-key"));
        }
        catch (JsonException e)
        {
            throw new InvalidInputException($"{origin}: expected a JSON object, found damage at byte {e.BytePositionInLine} of the line; {Hint}", e);
        }
    }

    private static string Field(JsonElement line, string key, string origin, string hint)
    {
        if (!line.TryGetProperty(key, out var field))
            throw new InvalidInputException(origin, $"the field \"{key}\"", $"only {string.Join(", ", line.EnumerateObject().Select(property => $"\"{property.Name}\""))}", hint);
        if (field.ValueKind != JsonValueKind.String)
            throw new InvalidInputException($"{origin}, field \"{key}\"", "a string", Describe(field), hint);
        try
        {
            return field.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidInputException($"{origin}, field \"{key}\": expected text, found half a surrogate pair (\\ud800 to \\udfff); {Hint}", e);
        }
    }

    private static string Describe(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a truth value",
    };
}
