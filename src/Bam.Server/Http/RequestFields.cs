using System.Globalization;
using System.Text.Json;

namespace Bam.Server.Http;

/// <summary>
/// The fields of a request. A field is read once by its name; null is as good as absent. What nobody read is refused, as OpenAI
/// does, so that a misspelt setting is not lost.
/// </summary>
internal sealed class RequestFields(JsonElement root, string prefix = "")
{
    private readonly HashSet<string> read = [];

    /// <summary>The value of a field; null if it is absent.</summary>
    public JsonElement? Value(string name)
    {
        read.Add(name);
        return root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>A field that is text.</summary>
    /// <exception cref="ApiException">It is something else.</exception>
    public string? Text(string name) => Value(name) is { } value ? TextOf(value, name) : null;

    /// <summary>A field that is true or false; false if it is absent.</summary>
    /// <exception cref="ApiException">It is something else.</exception>
    public bool Flag(string name, bool ifAbsent = false) => Value(name)?.ValueKind switch
    {
        null => ifAbsent,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Unexpected(name, "true or false"),
    };

    /// <summary>A field that is an integer in a range.</summary>
    /// <exception cref="ApiException">It is not.</exception>
    public long? Integer(string name, long min, long max)
    {
        if (Value(name) is not { } value) return null;
        return IsInteger(value, out var number) && number >= min && number <= max
            ? number
            : throw Unexpected(name, min == long.MinValue ? "a 64-bit integer" : $"an integer from {min} to {max}");
    }

    /// <summary>A field that is a number in a range.</summary>
    /// <exception cref="ApiException">It is not.</exception>
    public double? Number(string name, double min, double max)
    {
        if (Value(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= min && number <= max
            ? number
            : throw Unexpected(name, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));
    }

    /// <summary>A field that is an object.</summary>
    /// <exception cref="ApiException">It is something else.</exception>
    public RequestFields? Object(string name)
    {
        if (Value(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Object
            ? new(value, $"{prefix}{name}.")
            : throw Unexpected(name, "an object");
    }

    /// <summary>Fields that say something about the request and nothing to the model.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names) read.Add(name);
    }

    /// <summary>A field that may only have values that change nothing.</summary>
    /// <exception cref="ApiException">It has another one.</exception>
    public void Neutral(string name, Func<JsonElement, bool> isNeutral)
    {
        if (Value(name) is { } value && !isNeutral(value))
        {
            throw ApiException.Wrong(
                prefix + name,
                $"'{prefix}{name}' is not supported by this server with a value that changes the answer; leave it out.",
                "unsupported_parameter");
        }
    }

    /// <summary>Refuses fields that nobody read.</summary>
    /// <exception cref="ApiException">There are such.</exception>
    public void RefuseOthers()
    {
        foreach (var field in root.EnumerateObject())
        {
            if (read.Contains(field.Name)) continue;
            var name = prefix + Short(field.Name);
            throw ApiException.Wrong(name, $"Unknown parameter: '{name}'.", "unknown_parameter");
        }
    }

    /// <summary>The text of a value.</summary>
    /// <exception cref="ApiException">It is something else.</exception>
    public string TextOf(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Unexpected(name, "a string");

    /// <summary>An error that says what was expected of a field.</summary>
    public ApiException Unexpected(string name, string expected) => ApiException.Wrong(
        prefix + name, $"Invalid value for '{prefix}{name}': expected {expected}, found {Describe(root.GetProperty(name))}.");

    /// <summary>Whether a value is a 64-bit integer; 1.0 is one.</summary>
    public static bool IsInteger(JsonElement value, out long number)
    {
        number = 0;
        if (value.ValueKind != JsonValueKind.Number) return false;
        if (value.TryGetInt64(out number)) return true;
        if (!value.TryGetDouble(out var real) || real != Math.Floor(real) || Math.Abs(real) > 1L << 53) return false;
        number = (long)real;
        return true;
    }

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a string",
        _ => Short(value.GetRawText()),
    };

    private static string Short(string text) => text.Length <= 60 ? text : $"{text[..60]}…";
}
