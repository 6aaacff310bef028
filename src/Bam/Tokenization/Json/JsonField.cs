using System.Text.Json;

namespace Bam.Tokenization.Json;

/// <summary>A value inside tokenizer.json that knows where it stands, so that every complaint can name the place.</summary>
internal readonly struct JsonField
{
    private readonly JsonElement element;
    private readonly string file;
    private readonly string path;

    /// <summary>The whole document.</summary>
    public JsonField(JsonElement root, string file)
        : this(root, file, string.Empty) { }

    private JsonField(JsonElement element, string file, string path)
    {
        this.element = element;
        this.file = file;
        this.path = path;
    }

    /// <summary>True for null and for a key that is not there.</summary>
    public bool IsNull => element.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    /// <summary>The raw value.</summary>
    public JsonElement Element => element;

    /// <summary>File and path, for messages.</summary>
    public string Where => path.Length == 0 ? file : $"{file}: {path}";

    /// <summary>The value of a key, null if it is not there.</summary>
    public JsonField this[string key]
    {
        get
        {
            RequireKind(JsonValueKind.Object, "an object");
            return new(element.TryGetProperty(key, out var value) ? value : default, file, path.Length == 0 ? key : $"{path}.{key}");
        }
    }

    /// <summary>A complaint about this value.</summary>
    public InvalidInputException Unexpected(string expected, string hint) => new(Where, expected, Describe(), hint);

    /// <summary>The items of an array.</summary>
    public IEnumerable<JsonField> Items()
    {
        RequireKind(JsonValueKind.Array, "an array");
        var parent = this;
        return element.EnumerateArray().Select((item, i) => new JsonField(item, parent.file, $"{parent.path}[{i}]"));
    }

    /// <summary>The keys of an object with their values.</summary>
    public IEnumerable<(string Key, JsonField Value)> Properties()
    {
        RequireKind(JsonValueKind.Object, "an object");
        var parent = this;
        return element.EnumerateObject().Select(property =>
        {
            var key = parent.Decode(() => property.Name);
            return (key, new JsonField(property.Value, parent.file, $"{parent.path}[\"{key}\"]"));
        });
    }

    /// <summary>The text of a string.</summary>
    public string Text()
    {
        RequireKind(JsonValueKind.String, "a string");
        var value = element;
        return Decode(() => value.GetString()!);
    }

    /// <summary>The text of a string, or null.</summary>
    public string? TextOrNull() => IsNull ? null : Text();

    /// <summary>An integer that is not negative.</summary>
    public int Integer()
    {
        if (element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var value) && value >= 0) return value;
        throw Unexpected("an integer that is not negative", "restore the file from its source");
    }

    /// <summary>A boolean; the default when it is not there.</summary>
    public bool Boolean(bool defaultValue) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when IsNull => defaultValue,
        _ => throw Unexpected("true or false", "restore the file from its source"),
    };

    /// <summary>Refuses an object with any other key: what Bam does not know might change the ids.</summary>
    public void RequireKeys(params ReadOnlySpan<string> known)
    {
        RequireKind(JsonValueKind.Object, "an object");
        foreach (var property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name))
                throw this[property.Name].Unexpected($"only the keys {string.Join(", ", known!)}", "Bam does not know this setting");
        }
    }

    private void RequireKind(JsonValueKind kind, string expected)
    {
        if (element.ValueKind != kind) throw Unexpected(expected, "restore the file from its source");
    }

    private string Decode(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            throw Unexpected("text", "it holds bytes that are not UTF-8 or half a surrogate pair; restore the file from its source");
        }
    }

    private string Describe() => element.ValueKind switch
    {
        JsonValueKind.Undefined => "nothing",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        _ when element.GetRawText() is { Length: <= 80 } raw => raw,
        _ => $"{element.GetRawText()[..77]}…",
    };
}
