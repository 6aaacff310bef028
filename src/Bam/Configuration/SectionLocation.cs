using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>Where a mapping stands in a file, so that a fault can name the line of one of its keys.</summary>
internal sealed class SectionLocation
{
    private readonly YamlNode node;

    internal SectionLocation(string file, YamlNode node)
    {
        File = file;
        this.node = node;
    }

    /// <summary>The file's path, as the user gave it.</summary>
    public string File { get; }

    /// <summary>"file:line" of that key, or of the section when it is not written there.</summary>
    public string Of(string key) => At(File, Find(key) ?? node);

    /// <summary>True when the file itself holds the key.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>The exception for a broken rule, with the line of <paramref name="key"/> in front.</summary>
    public InvalidInputException Fault(string key, string message) => new($"{Of(key)}: {message}");

    internal static string At(string file, YamlNode node)
    {
        // A merged mapping has no place of its own; its first key has.
        while (node is YamlMappingNode { Children.Count: > 0 } mapping) node = mapping.Children[0].Key;
        return $"{NodeOrigins.FileOf(node) ?? file}:{node.Start.Line}";
    }

    private YamlNode? Find(string key) =>
        (node as YamlMappingNode)?.Children.Keys.FirstOrDefault(k => k is YamlScalarNode scalar && scalar.Value == key);
}
