using System.Text;
using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>The members of one JSON object, each read once under its name; every fault is one line that names file and field.</summary>
internal sealed class JsonFields
{
    private static readonly IReadOnlyDictionary<string, string?> Nothing = new Dictionary<string, string?>();

    private readonly string where;
    private readonly Dictionary<string, JsonElement> unread;

    /// <summary>Parses <paramref name="json"/>, which must be one object without duplicate names.</summary>
    public JsonFields(string json, string where)
    {
        this.where = where;
        unread = JsonInput.ReadObject(Encoding.UTF8.GetBytes(json), where, "it may be cut short or the wrong file", Members);
    }

    private JsonFields(JsonElement value, string where)
    {
        this.where = where;
        unread = Members(value);
    }

    /// <summary>The name of an enumeration's value in <c>config.json</c>: <c>RmsNorm</c> is "rms_norm".</summary>
    public static string SnakeCase<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>A required integer, or <paramref name="absent"/> when given.</summary>
    public int Int(string key, int? absent = null) => OptionalInt(key) ?? absent ?? throw Missing(key, "an integer");

    /// <summary>An integer, or null where absent or null.</summary>
    public int? OptionalInt(string key)
    {
        if (Take(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)) return number;
        throw Wrong(key, "an integer", value);
    }

    /// <summary>A token id or an array of them; none where absent or null.</summary>
    public TokenIds TokenIds(string key)
    {
        if (Take(key) is not { } value) return [];
        var items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value];
        var ids = new List<int>(items.Length);
        foreach (var item in items)
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out var id)) throw Wrong(key, "an integer or an array of them", value);
            ids.Add(id);
        }

        return [.. ids];
    }

    /// <summary>Whether the key is there, be it null.</summary>
    public bool Has(string key) => unread.ContainsKey(key);

    /// <summary>Treats a key as another, unless that is there too.</summary>
    public void Rename(string key, string name)
    {
        if (unread.Remove(key, out var value)) unread.TryAdd(name, value);
    }

    /// <summary>Reads a string if it is the one that is expected, or absent.</summary>
    /// <returns>Whether it was.</returns>
    public bool Takes(string key, string expected)
    {
        if (unread.TryGetValue(key, out var value) && !(value.ValueKind == JsonValueKind.String && value.ValueEquals(expected))) return false;
        unread.Remove(key);
        return true;
    }

    /// <summary>The fields of an object, or null where absent or null.</summary>
    public JsonFields? Object(string key) => Take(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new JsonFields(value, Field(key)),
        { } value => throw Wrong(key, "an object", value),
    };

    /// <summary>The strings of an array, or null where absent or null.</summary>
    public IReadOnlyList<string>? OptionalTexts(string key)
    {
        if (Take(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().Select(item => item.GetString()!)];
        throw Wrong(key, "an array of strings", value);
    }

    /// <summary>A finite number, or <paramref name="absent"/> where the key is absent or null.</summary>
    public double Number(string key, double absent) => OptionalNumber(key) ?? absent;

    /// <summary>A required finite number.</summary>
    public double Number(string key) => OptionalNumber(key) ?? throw Missing(key, "a number");

    /// <summary>A finite number, or null where absent or null.</summary>
    public double? OptionalNumber(string key)
    {
        if (Take(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number)) return number;
        throw Wrong(key, "a number", value);
    }

    /// <summary>True or false, or <paramref name="absent"/> where the key is absent or null.</summary>
    public bool Flag(string key, bool absent) => Take(key) switch
    {
        null => absent,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw Wrong(key, "true or false", value),
    };

    /// <summary>A required string, or <paramref name="absent"/> when given.</summary>
    public string Text(string key, string? absent = null) => OptionalText(key) ?? absent ?? throw Missing(key, "a string");

    /// <summary>A string, or null where absent or null.</summary>
    public string? OptionalText(string key) => Take(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        { } value => throw Wrong(key, "a string", value),
    };

    /// <summary>An enumeration's value by its snake-case name, or <paramref name="absent"/> where the key is absent or null.</summary>
    public T Choice<T>(string key, T absent)
        where T : struct, Enum => OptionalChoice<T>(key) ?? absent;

    /// <summary>A required enumeration's value by its snake-case name.</summary>
    public T Choice<T>(string key)
        where T : struct, Enum => OptionalChoice<T>(key) ?? throw Missing(key, NamesOf<T>());

    private T? OptionalChoice<T>(string key)
        where T : struct, Enum
    {
        if (Take(key) is not { } value) return null;
        var choices = Enum.GetValues<T>();
        foreach (var choice in choices)
        {
            if (value.ValueKind == JsonValueKind.String && value.ValueEquals(SnakeCase(choice))) return choice;
        }

        throw Wrong(key, NamesOf<T>(), value);
    }

    private static string NamesOf<T>()
        where T : struct, Enum => string.Join(" or ", Enum.GetValues<T>().Select(choice => $"\"{SnakeCase(choice)}\""));

    /// <summary>The line for a field whose value cannot be honoured.</summary>
    public InvalidInputException Fault(string key, string expected, string found, string hint) => new(Field(key), expected, found, hint);

    /// <summary>Refuses what nobody read.</summary>
    public void RefuseUnread() => RefuseUnread(Nothing);

    /// <summary>Refuses what nobody read, unless <paramref name="harmless"/> lists it with that value or with any.</summary>
    /// <param name="harmless">Key and the one value that changes nothing, as JSON; null for any value.</param>
    public void RefuseUnread(IReadOnlyDictionary<string, string?> harmless)
    {
        foreach (var (key, value) in unread)
        {
            if (!harmless.TryGetValue(key, out var neutral))
            {
                throw new InvalidInputException(
                    Field(key), "a key that Bam knows", $"{key} = {JsonInput.Describe(value)}", "remove it if it changes no arithmetic; otherwise Bam cannot run this model");
            }

            if (neutral is not null && value.ValueKind != JsonValueKind.Null && !JsonElement.DeepEquals(value, JsonElement.Parse(neutral)))
                throw new InvalidInputException(Field(key), $"{neutral} or no such key", JsonInput.Describe(value), "Bam cannot run a model with this");
        }
    }

    private Dictionary<string, JsonElement> Members(JsonElement root)
    {
        var members = new Dictionary<string, JsonElement>();
        foreach (var property in root.EnumerateObject())
        {
            if (!members.TryAdd(property.Name, property.Value))
                throw new InvalidInputException(Field(property.Name), "one value", "the key twice", "remove one of the two");
        }

        return members;
    }

    private JsonElement? Take(string key) =>
        unread.Remove(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private string Field(string key) => $"{where}: {key}";

    private InvalidInputException Missing(string key, string expected) =>
        new(Field(key), expected, "no such key", "add it");

    private InvalidInputException Wrong(string key, string expected, JsonElement found) =>
        new(Field(key), expected, JsonInput.Describe(found), "correct it");
}
