using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Bam.Tokenization.Chat;

/// <summary>
/// Passes JSON to a template with the order of keys and the difference of integers and floats, which JavaScript's own parser does
/// not keep: strings begin with their type, "s" text, "i" integer, "f" float; lists are ["a", …], objects ["o", key, value, …].
/// </summary>
internal static class JinjaValues
{
    private static readonly JsonWriterOptions Options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 };

    /// <summary>An object of named values.</summary>
    public static string Object(IEnumerable<(string Name, JsonElement Value)> members)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Options))
        {
            writer.WriteStartArray();
            writer.WriteStringValue("o");
            foreach (var (name, value) in members)
            {
                writer.WriteStringValue(name);
                Write(writer, value);
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartArray();
                writer.WriteStringValue("o");
                foreach (var member in value.EnumerateObject())
                {
                    writer.WriteStringValue(member.Name);
                    Write(writer, member.Value);
                }

                writer.WriteEndArray();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                writer.WriteStringValue("a");
                foreach (var item in value.EnumerateArray()) Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteStringValue($"s{value.GetString()}");
                break;
            case JsonValueKind.Number:
                var text = value.GetRawText();
                writer.WriteStringValue($"{(text.AsSpan().IndexOfAny(".eE") < 0 ? 'i' : 'f')}{text}");
                break;
            case JsonValueKind.True or JsonValueKind.False:
                writer.WriteBooleanValue(value.GetBoolean());
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }
}
