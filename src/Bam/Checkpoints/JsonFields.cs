using System.Text;
using System.Text.Json;
using Bam.Configuration;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>
/// The members of one JSON object, each read once under its name. A value of a wrong kind is a fault at once, in one line that
/// names file and field; what is well-formed and cannot be honoured is gathered, so that one line names all of it.
/// </summary>
internal sealed class JsonFields
{
    private const int MostRefusalsNamed = 12;

    private readonly string file;
    private readonly string path;
    private readonly Dictionary<string, JsonElement> unread;
    private readonly HashSet<string> asked = [];
    private readonly HashSet<string> read;
    private readonly List<Refusal> refusals;
    private readonly List<string> warnings;

    /// <summary>Parses <paramref name="json"/>, which must be one object without duplicate names.</summary>
    public JsonFields(string json, string file)
    {
        (this.file, path, refusals, warnings, read) = (file, "", [], [], []);
        unread = JsonInput.ReadObject(Encoding.UTF8.GetBytes(json), file, "it may be cut short or the wrong file", Members);
    }

    private JsonFields(JsonElement value, string key, JsonFields parent)
    {
        (file, path) = (parent.file, $"{parent.path}{ShortText.Of(key)}: ");
        (refusals, warnings, read) = (parent.refusals, parent.warnings, parent.read);
        unread = Members(value);
    }

    /// <summary>Warnings about values that are read differently than expected, in this object and those inside it.</summary>
    public IReadOnlyList<string> Warnings => warnings;

    /// <summary>The file, as messages name it.</summary>
    public string Where => file;

    /// <summary>The keys that have not been read yet.</summary>
    public IReadOnlyCollection<string> Unread => unread.Keys;

    /// <summary>Whether a value was read under the key, in this object or one inside it.</summary>
    public bool WasRead(string key) => read.Contains(key);

    /// <summary>Whether a value was looked for under the key, there or not.</summary>
    public bool WasAsked(string key) => asked.Contains(key);

    /// <summary>The value of a declared key, or <paramref name="absent"/> unless it is required.</summary>
    public object? Value(ConfigKey key, object? absent) => absent switch
    {
        int when key.IsRequired => Int(key.Name),
        int number => Int(key.Name, number),
        double number => Number(key.Name, number),
        bool flag => Flag(key.Name, flag),
        string text => Text(key.Name, text),
        Enum choice => Choice(key.Name, choice),
        IReadOnlyList<int> => TokenIds(key.Name),
        null when key.Property.PropertyType == typeof(int?) => OptionalInt(key.Name),
        null when key.Property.PropertyType == typeof(double?) => OptionalNumber(key.Name),
        _ => throw new InvalidOperationException($"{key.Name}: JsonFields reads no {key.Property.PropertyType.Name}"),
    };

    /// <summary>A required integer, or <paramref name="absent"/> when given.</summary>
    public int Int(string key, int? absent = null) => OptionalInt(key) ?? absent ?? throw Missing(key, "an integer");

    /// <summary>An integer, or null where absent or null.</summary>
    public int? OptionalInt(string key)
    {
        if (Take(key) is not { } value) return null;
        return Integer(value) ?? throw Wrong(key, "an integer", value);
    }

    /// <summary>A token id or an array of them; none where absent or null.</summary>
    public ValueList<int> TokenIds(string key)
    {
        if (Take(key) is not { } value) return [];
        var items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value];
        var ids = new List<int>(items.Length);
        foreach (var item in items)
        {
            ids.Add(Integer(item) ?? throw Wrong(key, "an integer or an array of them", value));
        }

        return [.. ids];
    }

    /// <summary>The integers of an array; none where absent or null.</summary>
    public ValueList<int> Integers(string key) => TokenIds(key);

    /// <summary>The id of a token that no arithmetic depends on; null where absent or outside the vocabulary.</summary>
    public int? TokenId(string key, int vocabSize) =>
        Take(key) is { } value && Integer(value) is { } id && id >= 0 && id < vocabSize ? id : null;

    /// <summary>Whether the key is there, be it null.</summary>
    public bool Has(string key) => unread.ContainsKey(key);

    /// <summary>Whether the key is there with another value than null or an empty array.</summary>
    public bool HasValue(string key) =>
        unread.TryGetValue(key, out var value) && value.ValueKind != JsonValueKind.Null
            && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0);

    /// <summary>The value of a key as a message shows it; null where it is absent or switches a feature off.</summary>
    public string? ActiveValue(string key) =>
        Take(key) is { } value && !HarmlessConfigKeys.IsOff(value) ? JsonInput.Describe(value) : null;

    /// <summary>Ignores keys that have no meaning here.</summary>
    /// <returns>Those that are there with another value than null.</returns>
    public IReadOnlyList<string> Skip(params ReadOnlySpan<string> keys)
    {
        var found = new List<string>();
        foreach (var key in keys)
        {
            asked.Add(key);
            if (unread.Remove(key, out var value) && value.ValueKind != JsonValueKind.Null) found.Add(key);
        }

        return found;
    }

    /// <summary>The fields of an object, or null where absent or null.</summary>
    public JsonFields? Object(string key) => Take(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new JsonFields(value, key, this),
        { } value => throw Wrong(key, "an object", value),
    };

    /// <summary>Whether the key holds an object.</summary>
    public bool HasObject(string key) => unread.TryGetValue(key, out var value) && value.ValueKind == JsonValueKind.Object;

    /// <summary>The strings of an array, or null where absent or null. They stay unread: several readers need them.</summary>
    public IReadOnlyList<string>? PeekTexts(string key)
    {
        if (!unread.TryGetValue(key, out var value) || value.ValueKind == JsonValueKind.Null) return null;
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
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number))
            return number;
        throw Wrong(key, "a number", value);
    }

    /// <summary>The finite numbers of an array, which is required.</summary>
    public ValueList<double> Numbers(string key)
    {
        if (Take(key) is not { } value) throw Missing(key, "an array of numbers");
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(key, "an array of numbers", value);
        var numbers = new List<double>(value.GetArrayLength());
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetDouble(out var number) || !double.IsFinite(number))
                throw Wrong(key, "an array of numbers", item);
            numbers.Add(number);
        }

        return [.. numbers];
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

    /// <summary>An enumeration's value by its snake-case name, or a default where the key is absent or null.</summary>
    public Enum Choice(string key, Enum absent)
    {
        if (Take(key) is not { } value) return absent;
        // Not by Enum.GetValues, which makes an array type that a program of machine code does not have.
        var type = absent.GetType();
        var choices = Enum.GetNames(type).Select(name => (Enum)Enum.Parse(type, name)).ToArray();
        foreach (var choice in choices)
        {
            if (value.ValueKind == JsonValueKind.String && value.ValueEquals(SnakeCase.Of(choice))) return choice;
        }

        throw Wrong(key, string.Join(" or ", choices.Select(choice => $"\"{SnakeCase.Of(choice)}\"")), value);
    }

    /// <summary>Notes that a field's value cannot be honoured, for <see cref="RefuseUnread()"/>.</summary>
    public void Refuse(string key, string expected, string found, string hint) =>
        refusals.Add(new(path + ShortText.Of(key), expected, found, hint));

    /// <summary>Notes a value that is read differently than the user may expect.</summary>
    public void Warn(string key, string message) => warnings.Add($"{Field(key)}: {message}");

    /// <summary>The line for a field whose value cannot be honoured, where reading on makes no sense.</summary>
    public InvalidInputException Fault(string key, string expected, string found, string hint) =>
        new(Field(key), expected, found, hint);

    /// <summary>Refuses unread keys that may change the arithmetic, with all that were refused before, in one line.</summary>
    /// <param name="neutral">The one value, as JSON, with which a key of this family changes nothing, beside null.</param>
    /// <exception cref="InvalidInputException">Names every key that cannot be honoured.</exception>
    public void RefuseUnread(IReadOnlyDictionary<string, string> neutral)
    {
        var dropouts = new List<string>();
        foreach (var (key, value) in unread)
        {
            if (HarmlessConfigKeys.IsDropout(key) && HarmlessConfigKeys.IsActiveRate(value))
                dropouts.Add($"{key} = {JsonInput.Describe(value)}");
            else Judge(key, value, neutral.GetValueOrDefault(key));
        }

        if (dropouts.Count > 0)
            warnings.Add($"{file}: {string.Join(", ", dropouts)}: Bam trains without dropout; nothing else depends on it");
        if (refusals.Count > 0) throw Refused();
    }

    /// <summary>Refuses unread keys of an object inside another; the outermost object throws.</summary>
    public void RefuseUnread()
    {
        foreach (var (key, value) in unread) Judge(key, value, neutral: null);
    }

    private void Judge(string key, JsonElement value, string? neutral)
    {
        const string Hint = "remove it if it changes no arithmetic; otherwise Bam cannot run this model";
        if (HarmlessConfigKeys.HasAnyValue(key) || value.ValueKind == JsonValueKind.Null) return;
        if ((neutral ?? HarmlessConfigKeys.NeutralValue(key)) is { } only)
        {
            if (!JsonElement.DeepEquals(value, JsonElement.Parse(only)))
                Refuse(key, $"{only} or no such key", JsonInput.Describe(value), Hint);
            return;
        }

        var meant = HarmlessConfigKeys.IsDropout(key)
            ? null
            : asked.FirstOrDefault(known => Math.Abs(key.Length - known.Length) <= 2 && Suggestion.Distance(key, known) <= 2);
        if (meant is not null) Refuse(key, "no such key", JsonInput.Describe(value), $"did you mean {meant}? If not, {Hint}");
        else if (!HarmlessConfigKeys.IsOff(value)) Refuse(key, "no such key", JsonInput.Describe(value), Hint);
    }

    private InvalidInputException Refused()
    {
        if (refusals.Count == 1)
        {
            var (key, expected, found, hint) = refusals[0];
            return new InvalidInputException($"{file}: {key}", expected, found, hint);
        }

        var named = refusals.Take(MostRefusalsNamed).Select(refusal => $"{refusal.Key} = {refusal.Found}");
        var more = refusals.Count > MostRefusalsNamed ? $" and {refusals.Count - MostRefusalsNamed} more" : "";
        return new InvalidInputException(
            file, "only keys that Bam reads or that change nothing", $"{string.Join(", ", named)}{more}",
            "remove those that change no arithmetic; otherwise Bam cannot run this model");
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

    private JsonElement? Take(string key)
    {
        asked.Add(key);
        if (HasValue(key)) read.Add(key);
        return unread.Remove(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    // Some libraries write 4096.0.
    private static int? Integer(JsonElement value) => value.ValueKind != JsonValueKind.Number ? null
        : value.TryGetInt32(out var number) ? number
        : value.TryGetDouble(out var real) && Math.Floor(real) == real && Math.Abs(real) <= int.MaxValue ? (int)real
        : null;

    private string Field(string key) => $"{file}: {path}{ShortText.Of(key)}";

    private InvalidInputException Missing(string key, string expected) =>
        new(Field(key), expected, "no such key", "add it");

    private InvalidInputException Wrong(string key, string expected, JsonElement found) =>
        new(Field(key), expected, JsonInput.Describe(found), "correct it");

    private sealed record Refusal(string Key, string Expected, string Found, string Hint);
}
