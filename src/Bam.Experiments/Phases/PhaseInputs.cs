using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

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
        JsonObject map => new JsonObject(map.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
