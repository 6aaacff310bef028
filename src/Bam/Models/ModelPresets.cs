using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Configuration;

namespace Bam.Models;

/// <summary>
/// Dense models by name: the paper's seeds (Table 8), <c>small</c> and <c>large</c>, or in full <c>bam-small</c> and
/// <c>bam-large</c>. It does not print the longest input; 8,192 is ours.
/// </summary>
internal static class ModelPresets
{
    private const string Prefix = "bam-";

    /// <summary>The presets by their short names.</summary>
    public static IReadOnlyDictionary<string, ModelConfig> All { get; } = new Dictionary<string, ModelConfig>
    {
        ["small"] = new()
        {
            VocabSize = 256_000, HiddenSize = 1024, IntermediateSize = 2048, NumHiddenLayers = 6,
            NumAttentionHeads = 8, NumKeyValueHeads = 8, HeadDim = 128, MaxPositionEmbeddings = 8192, TieWordEmbeddings = false,
        },
        ["large"] = new()
        {
            VocabSize = 256_000, HiddenSize = 2304, IntermediateSize = 9216, NumHiddenLayers = 18,
            NumAttentionHeads = 18, NumKeyValueHeads = 6, HeadDim = 128, MaxPositionEmbeddings = 8192, TieWordEmbeddings = true,
        },
    };

    /// <summary>Every name that <see cref="Find"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Keys, .. All.Keys.Select(name => Prefix + name)];

    /// <summary>The preset of that name, or null.</summary>
    public static ModelConfig? Find(string name) =>
        All.GetValueOrDefault(name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name);

    /// <summary>The preset of that name, short or in full; errors name the place <paramref name="where"/>.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static ModelConfig Named(string name, string where) =>
        Find(name) ?? throw new InvalidInputException(
            $"{where}: no preset is called '{name}'{Suggestion.For(name, Names)}; or write the sizes inline, or the path of a "
            + "config.json");

    /// <summary>
    /// The keys of <c>config.json</c> with those of its key <c>preset</c>, if there is one; the inline keys win. Errors name the
    /// place <paramref name="where"/>.
    /// </summary>
    /// <exception cref="InvalidInputException">There is no such preset.</exception>
    public static JsonObject Expand(JsonObject sizes, string where)
    {
        if (!sizes.TryGetPropertyValue("preset", out var preset)) return sizes;
        var merged = JsonNode.Parse(Named($"{preset}", where).ToJson())!.AsObject();
        foreach (var (key, value) in sizes) merged[key] = value?.DeepClone();
        merged.Remove("preset");
        return merged;
    }
}
