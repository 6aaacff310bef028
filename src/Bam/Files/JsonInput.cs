using System.Text.Json;

namespace Bam.Files;

/// <summary>Reads a user's JSON, turning what the parser reports into one line.</summary>
internal static class JsonInput
{
    /// <summary>Parses one JSON object and reads it.</summary>
    /// <param name="json">UTF-8 text.</param>
    /// <param name="where">The file, and what of it this is.</param>
    /// <param name="hint">What to do when it is not a JSON object.</param>
    /// <param name="read">Reads the object; strings that are not Unicode become a fault of the input.</param>
    /// <exception cref="InvalidInputException">It is not a JSON object, or holds text that is not Unicode.</exception>
    public static T ReadObject<T>(ReadOnlySpan<byte> json, string where, string hint, Func<JsonElement, T> read)
    {
        try
        {
            var root = JsonElement.Parse(json);
            return root.ValueKind == JsonValueKind.Object
                ? read(root)
                : throw new InvalidInputException(where, "a JSON object", Describe(root), hint);
        }
        catch (JsonException e)
        {
            throw new InvalidInputException($"{where}: not JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}); {hint}", e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidInputException($"{where}: holds text that is not Unicode; {hint}", e);
        }
    }

    /// <summary>A value as it is shown in a message.</summary>
    public static string Describe(JsonElement value)
    {
        var text = value.ValueKind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "an array",
            _ => value.GetRawText(),
        };
        return text.Length <= 60 ? text : text[..60] + "…";
    }
}
