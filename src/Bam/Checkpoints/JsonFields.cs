using System.Text;
using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>The members of one JSON object, each read once under its name; every fault is one line that names file and field.</summary>
internal sealed class JsonFields
{
    private readonly string where;
    private readonly Dictionary<string, JsonElement> unread;

    /// <summary>Parses <paramref name="json"/>, which must be one object without duplicate names.</summary>
    public JsonFields(string json, string where)
    {
        this.where = where;
        unread = JsonInput.ReadObject(Encoding.UTF8.GetBytes(json), where, "it may be cut short or the wrong file", Members);
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

    /// <summary>A finite number, or <paramref name="absent"/> where the key is absent or null.</summary>
    public double Number(string key, double absent)
    {
        if (Take(key) is not { } value) return absent;
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
        where T : struct, Enum
    {
        if (Take(key) is not { } value) return absent;
        var choices = Enum.GetValues<T>();
        foreach (var choice in choices)
        {
            if (value.ValueKind == JsonValueKind.String && value.ValueEquals(SnakeCase(choice))) return choice;
        }

        throw Wrong(key, string.Join(" or ", choices.Select(c => $"\"{SnakeCase(c)}\"")), value);
    }

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
