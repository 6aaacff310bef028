using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Bam.Configuration;

namespace Bam.Experiments.Phases;

/// <summary>
/// Everything that a phase's outcome depends on. Its SHA-256 is the phase's key: equal keys, equal work, so that finished
/// phases are kept and a changed line re-runs just what depends on it. Paths are not part of it, and neither is what the phase
/// itself is called; names by which it knows what it reads are, such as a domain's, or a mixture's in its training.
/// </summary>
internal sealed record PhaseInputs
{
    /// <summary>What is done: "train", "data".</summary>
    public required string Kind { get; init; }

    /// <summary>The number of the code's and the output format's version: raised when either changes what comes out.</summary>
    public required int Version { get; init; }

    /// <summary>The resolved settings, defaults included.</summary>
    public required JsonObject Settings { get; init; }

    /// <summary>SHA-256 of the files that are read, by the name under which the settings know them.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

    /// <summary>Keys of the phases whose outputs are read, by the role that they play here.</summary>
    public IReadOnlyDictionary<string, string> Phases { get; init; } = new Dictionary<string, string>();

    /// <summary>One JSON object with sorted keys.</summary>
    public JsonObject ToJson() => (JsonObject)Sorted(new JsonObject
    {
        ["kind"] = Kind,
        ["version"] = Version,
        ["settings"] = Settings.DeepClone(),
        ["files"] = Map(Files),
        ["phases"] = Map(Phases),
    })!;

    /// <summary>SHA-256 of <see cref="ToJson"/>, in lower-case hexadecimal digits.</summary>
    public string Key() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ToJson().ToJsonString())));

    private static JsonObject Map(IReadOnlyDictionary<string, string> pairs) =>
        new(pairs.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value)));

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map
            .OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => KeyValuePair.Create(pair.Key, Sorted(pair.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}

/// <summary>
/// A phase's settings record as JSON. Every public property is in it, under its name in snake_case, unless the property itself
/// says otherwise by <see cref="JsonIgnoreAttribute"/>. A section of a recipe is written with the keys that change results.
/// </summary>
internal static class SettingsJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { RequireNone } },
        Converters = { new SectionConverter(), new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The settings as JSON, the keys of flattened properties beside the others.</summary>
    public static JsonObject Of(object settings)
    {
        var type = settings.GetType();
        var json = JsonSerializer.SerializeToNode(settings, type, Options)!.AsObject();
        foreach (var property in type.GetProperties().Where(property => property.IsDefined(typeof(FlattenedAttribute))))
        {
            var name = SnakeCase.Of(property.Name);
            var group = json[name]!.AsObject();
            json.Remove(name);
            foreach (var (key, value) in group) json.Add(key, value?.DeepClone());
        }

        return json;
    }

    // The serializer refuses what is 'required' in C# and ignored in JSON, though it only writes here.
    private static void RequireNone(JsonTypeInfo type)
    {
        foreach (var property in type.Properties) property.IsRequired = false;
    }

    private sealed class SectionConverter : JsonConverter<object>
    {
        public override bool CanConvert(Type typeToConvert) =>
            typeToConvert.GetProperties().Any(property => property.IsDefined(typeof(KeyAttribute)));

        public override object Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, object value, JsonSerializerOptions options) =>
            YamlJson.Of(ConfigWriter.Node(value, onlyWhatChangesResults: true)!).WriteTo(writer, options);
    }
}

/// <summary>What changed between two phases' inputs, in a few words.</summary>
internal static class InputDifference
{
    private const int Shown = 3;

    /// <summary>"learning_rate: 0.001 → 0.002", "data law changed", at most three of them.</summary>
    public static string Between(JsonObject before, JsonObject after)
    {
        var changes = new List<string>();
        if (!JsonNode.DeepEquals(before["version"], after["version"])) changes.Add("Bam itself changed");
        Compare("", before["settings"], after["settings"], changes);
        Named(before["files"], after["files"], changes, "{0} changed");
        Named(before["phases"], after["phases"], changes, "{0} changed");
        var more = changes.Count - Shown;
        return changes.Count == 0 ? "not run yet"
            : string.Join("; ", changes.Take(Shown)) + (more > 0 ? $"; and {more} more" : "");
    }

    private static void Compare(string path, JsonNode? before, JsonNode? after, List<string> changes)
    {
        if (JsonNode.DeepEquals(before, after)) return;
        if (before is JsonObject a && after is JsonObject b)
        {
            foreach (var key in a.Select(p => p.Key).Union(b.Select(p => p.Key)))
                Compare(path.Length == 0 ? key : $"{path}.{key}", a[key], b[key], changes);
            return;
        }

        changes.Add($"{path}: {Text(before)} → {Text(after)}");
    }

    private static void Named(JsonNode? before, JsonNode? after, List<string> changes, string format)
    {
        var (a, b) = (before as JsonObject ?? [], after as JsonObject ?? []);
        foreach (var key in a.Select(p => p.Key).Union(b.Select(p => p.Key)))
            if (!JsonNode.DeepEquals(a[key], b[key])) changes.Add(string.Format(CultureInfo.InvariantCulture, format, key));
    }

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "nothing";
}
