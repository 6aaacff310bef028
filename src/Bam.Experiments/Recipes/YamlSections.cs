using YamlDotNet.RepresentationModel;

namespace Bam.Experiments.Recipes;

/// <summary>Looks into a YAML mapping by the names of its keys.</summary>
internal static class YamlSections
{
    /// <summary>True when the key is there.</summary>
    public static bool Has(this YamlMappingNode node, string key) => node.Children.ContainsKey(new YamlScalarNode(key));

    /// <summary>The mapping under a key; null when there is none.</summary>
    public static YamlMappingNode? Section(this YamlMappingNode node, string key) =>
        node.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value as YamlMappingNode : null;

    /// <summary>The text under a key; null when there is none.</summary>
    public static string? Scalar(this YamlMappingNode node, string key) =>
        node.Children.TryGetValue(new YamlScalarNode(key), out var value) ? (value as YamlScalarNode)?.Value : null;

    /// <summary>A copy in which the key has that text.</summary>
    public static YamlMappingNode With(this YamlMappingNode node, string key, string text)
    {
        var copy = new YamlMappingNode(node.Where(pair => !Equals(pair.Key, new YamlScalarNode(key))));
        copy.Add(key, text);
        return copy;
    }
}
