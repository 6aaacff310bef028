using System.Text.Json;
using Bam.Files;

namespace Bam.Tokenization.Json;

/// <summary>A value in tokenizer.json with its location, for messages, and the keys that have been read from it.</summary>
internal sealed class JsonField
{
    private const int MaxValueLength = 80;

    private readonly JsonElement element;
    private readonly string file;
    private readonly string parent; // the full path is built on demand
    private readonly string? key;
    private readonly int index;
    private readonly List<string> known = [];

    /// <summary>The root of the document.</summary>
    public JsonField(JsonElement root, string file)
        : this(root, file, string.Empty, string.Empty, 0) { }

    private JsonField(JsonElement element, string file, string parent, string? key, int index)
    {
        this.element = element;
        this.file = file;
        this.parent = parent;
        this.key = key;
        this.index = index;
    }

    /// <summary>True for null and for a missing key.</summary>
    public bool IsNull => element.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    public JsonElement Element => element;

    /// <summary>File and path, for messages.</summary>
    public string Where => Path.Length == 0 ? file : $"{file}: {Path}";

    private string Path => key is null ? $"{parent}[{index}]" : parent.Length == 0 ? key : $"{parent}.{key}";

    /// <summary>The "type" of a component.</summary>
    public JsonField Type => this["type"];

    /// <summary>The value of a key; null if it is missing.</summary>
    public JsonField this[string name]
    {
        get
        {
            RequireKind(JsonValueKind.Object, "an object");
            known.Add(name);
            return new(element.TryGetProperty(name, out var value) ? value : default, file, Path, name, 0);
        }
    }

    /// <summary>The error for an unexpected value.</summary>
    public InvalidInputException Unexpected(string expected, string hint) => new(Where, expected, Describe(), hint);

    /// <summary>The error for a value that no tokenizer library writes.</summary>
    public InvalidInputException Damaged(string expected, string? because = null)
    {
        const string Hint = "restore the file from its source";
        return Unexpected(expected, because is null ? Hint : $"{because}; {Hint}");
    }

    public IEnumerable<JsonField> Items()
    {
        RequireKind(JsonValueKind.Array, "an array");
        var path = Path;
        return element.EnumerateArray().Select((item, i) => new JsonField(item, file, path, null, i));
    }

    public IEnumerable<(string Key, JsonField Value)> Properties()
    {
        RequireKind(JsonValueKind.Object, "an object");
        var path = Path;
        return element.EnumerateObject().Select(
            property => (property.Name, new JsonField(property.Value, file, path, property.Name, 0)));
    }

    public string Text()
    {
        RequireKind(JsonValueKind.String, "a string");
        return element.GetString()!;
    }

    /// <summary>A string of one code point.</summary>
    public string Letter() =>
        Text() is { Length: > 0 and <= 2 } text && text.EnumerateRunes().Count() == 1 ? text : throw Damaged("one letter");

    public string[] Texts()
    {
        RequireKind(JsonValueKind.Array, "an array");
        var texts = new string[element.GetArrayLength()];
        var i = 0;
        foreach (var item in element.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.String) throw Damaged("strings");
            texts[i++] = item.GetString()!;
        }

        return texts;
    }

    public string? TextOrNull() => IsNull ? null : Text();

    /// <summary>A non-negative integer.</summary>
    public int Integer()
    {
        if (element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var value) && value >= 0) return value;
        throw Damaged("an integer that is not negative");
    }

    /// <summary>A boolean; the default value if it is missing.</summary>
    public bool Boolean(bool defaultValue) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when IsNull => defaultValue,
        _ => throw Damaged("true or false"),
    };

    /// <summary>The value of the last known key; null if it is missing. Rejects keys that have not been read.</summary>
    public JsonField Last(string name)
    {
        var value = this[name];
        RejectOthers();
        return value;
    }

    /// <summary>Rejects keys that have not been read, which might change the ids.</summary>
    public void RejectOthers()
    {
        foreach (var property in element.EnumerateObject())
        {
            if (known.Contains(property.Name)) continue;
            var expected = $"one of the keys {string.Join(", ", known.Distinct())}";
            throw this[property.Name].Unexpected(expected, "Bam does not know this one");
        }
    }

    private void RequireKind(JsonValueKind kind, string expected)
    {
        if (element.ValueKind != kind) throw Damaged(expected);
    }

    private string Describe() => element.ValueKind switch
    {
        JsonValueKind.Undefined => "nothing",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        _ => ShortText.Of(element.GetRawText(), MaxValueLength),
    };
}
