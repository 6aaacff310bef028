using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>Reads a file's YAML as a mapping, aliases and merge keys resolved.</summary>
internal static class YamlReader
{
    /// <summary>Reads one document.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="file">Its name, for faults.</param>
    /// <exception cref="InvalidInputException">The text is not YAML, is more than a configuration can be, or holds no mapping.</exception>
    public static YamlMappingNode Read(string yaml, string file)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new YamlEvents(yaml, file));
        }
        catch (YamlException e)
        {
            throw new InvalidInputException($"{file}:{e.Start.Line}: is not valid YAML ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')})", e);
        }

        if (stream.Documents.Count == 0) throw new InvalidInputException(file, "keys and values", "an empty file", "see --schema for the keys");
        if (stream.Documents[0].RootNode is not YamlMappingNode root)
            throw new InvalidInputException(SectionLocation.At(file, stream.Documents[0].RootNode), "keys and values", "something else", "write 'key: value' lines");
        Merge(root, file);
        return root;
    }

    /// <summary>Puts the keys that '&lt;&lt;' brings in its place. The mapping's own keys win, then the earlier of several mappings.</summary>
    private static void Merge(YamlNode node, string file)
    {
        if (node is YamlSequenceNode list)
            foreach (var item in list) Merge(item, file);
        if (node is not YamlMappingNode mapping) return;
        foreach (var value in mapping.Children.Values) Merge(value, file);
        if (!mapping.Children.Keys.Any(IsMergeKey)) return;
        var written = mapping.Children.ToList();
        var own = mapping.Children.Keys.ToHashSet();
        mapping.Children.Clear();
        foreach (var (key, value) in written)
        {
            if (!IsMergeKey(key)) mapping.Children[key] = value;
            else
                foreach (var (name, brought) in Sources(value, file).SelectMany(source => source.Children))
                    if (!own.Contains(name)) mapping.Children.TryAdd(name, brought);
        }
    }

    private static IEnumerable<YamlMappingNode> Sources(YamlNode value, string file)
    {
        var sources = value is YamlSequenceNode list ? list.Children : [value];
        return sources.Select(source => source as YamlMappingNode ?? throw new InvalidInputException(
            $"{SectionLocation.At(file, source)}: key '<<'", "keys and values, or a list of them", "something else", "name an anchor of such, as '<<: *common'"));
    }

    private static bool IsMergeKey(YamlNode key) => key is YamlScalarNode { Style: ScalarStyle.Plain, Value: "<<" };
}
