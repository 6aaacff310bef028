using System.Text.Json.Nodes;

namespace Bam.Experiments.Phases;

/// <summary>What changed between two phases' inputs, in a few words.</summary>
internal static class InputDifference
{
    private const int Shown = 3;

    /// <summary>"settings.learning_rate: 0.001 → 0.002", "data law changed", at most three of them.</summary>
    /// <param name="before">The inputs of the phase that was run.</param>
    /// <param name="after">The inputs of the phase that is planned.</param>
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
            if (!JsonNode.DeepEquals(a[key], b[key])) changes.Add(string.Format(System.Globalization.CultureInfo.InvariantCulture, format, key));
    }

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "nothing";
}
