using System.Collections;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Bam.Files;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>YAML files as validated records: the record's <see cref="KeyAttribute"/>s say what the file may hold.</summary>
internal static class ConfigFile
{
    /// <summary>Reads a file as a record.</summary>
    /// <exception cref="InvalidInputException">The file is missing, is not YAML, or breaks a rule: one line "file:line: …".</exception>
    public static T Read<T>(string path) where T : class => Bind<T>(Load(path), path);

    /// <summary>Reads text as a record.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="file">The name for faults, and the place from which relative paths are taken.</param>
    /// <exception cref="InvalidInputException">The text is not YAML or breaks a rule.</exception>
    public static T Parse<T>(string yaml, string file) where T : class => Bind<T>(YamlReader.Read(yaml, file), file);

    /// <summary>Reads a file's mapping without looking at its keys, for callers that merge sections before they bind them.</summary>
    /// <exception cref="InvalidInputException">The file is missing, is not UTF-8, is not YAML or holds no mapping.</exception>
    public static YamlMappingNode Load(string path)
    {
        if (Directory.Exists(path)) throw new InvalidInputException(path, "a YAML file", "a directory", "name the file inside it");
        if (!File.Exists(path)) throw new InvalidInputException(path, "a YAML file", "nothing", "check the path");
        return YamlReader.Read(InputFile.ReadAllText(path, "check the path", YamlEvents.MostText), path);
    }

    /// <summary>
    /// Two mappings as one: keys of <paramref name="overrides"/> win, mappings inside mappings are merged, everything else is replaced.
    /// Each node keeps its own line.
    /// </summary>
    public static YamlMappingNode Merge(YamlMappingNode defaults, YamlMappingNode overrides)
    {
        // Overrides first: a merged mapping is said to stand where its first key stands.
        var merged = new YamlMappingNode();
        foreach (var (key, value) in overrides)
        {
            var below = defaults.Children.TryGetValue(key, out var found) ? found as YamlMappingNode : null;
            merged.Add(key, below is not null && value is YamlMappingNode above ? Merge(below, above) : value);
        }

        foreach (var (key, value) in defaults)
            if (!overrides.Children.ContainsKey(key)) merged.Add(key, value);
        return merged;
    }

    /// <summary>Validates a node and makes it a record.</summary>
    /// <param name="node">The section.</param>
    /// <param name="file">The file it comes from, for faults and for relative paths.</param>
    /// <exception cref="InvalidInputException">A key is unknown, missing or holds what it may not: one line "file:line: …".</exception>
    public static T Bind<T>(YamlNode node, string file) where T : class => (T)new ConfigBinder(file).Section(typeof(T), node, "");
}

/// <summary>Makes records of YAML nodes, key by key, and refuses what the records' keys do not allow.</summary>
internal sealed class ConfigBinder(string file)
{
    private readonly string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;

    /// <summary>Reads a mapping as the record <paramref name="type"/>.</summary>
    /// <param name="type">A record with <see cref="KeyAttribute"/>s and a constructor without parameters.</param>
    /// <param name="node">The mapping.</param>
    /// <param name="path">The keys that lead here, "data[1]", or "" at the root.</param>
    public object Section(Type type, YamlNode node, string path)
    {
        if (node is not YamlMappingNode mapping)
            throw Fault(node, path, $"expected keys and values, found {Describe(node)}");
        var keys = ConfigKey.Of(type);
        var names = keys.Select(k => k.Name).ToArray();
        foreach (var key in mapping.Children.Keys)
        {
            var name = Name(key, path);
            if (!names.Contains(name))
                throw new InvalidInputException(
                    $"{SectionLocation.At(file, key)}: key '{Join(path, name)}' is unknown{Suggestion.For(name, names)}");
        }

        var section = ConfigKey.Create(type);
        foreach (var key in keys)
        {
            if (mapping.Children.TryGetValue(new YamlScalarNode(key.Name), out var value))
                key.Set(section, Value(key, value, Join(path, key.Name)));
            else if (key.IsRequired)
                throw new InvalidInputException(
                    $"{SectionLocation.At(file, mapping)}: key '{Join(path, key.Name)}' is missing ({key.Attribute.Description})");
        }

        foreach (var group in keys.SelectMany(k => k.Groups.Take(1)).Distinct()) Check(group.GetValue(section), mapping);
        Check(section, mapping);
        return section;
    }

    private void Check(object? section, YamlNode node)
    {
        if (section is ICheckedSection checkedSection) checkedSection.Check(new SectionLocation(file, node));
    }

    private object? Value(ConfigKey key, YamlNode node, string path)
    {
        if (IsNull(node))
            return key.IsNullable ? null : throw Expected(key, node, path, SchemaType.Of(key).Expected, "nothing");
        return Value(key, SchemaType.Of(key), node, path);
    }

    private object Value(ConfigKey key, SchemaType type, YamlNode node, string path)
    {
        switch (type.Kind)
        {
            case SchemaKind.Section:
                return Section(type.Clr, node, path);
            case SchemaKind.Inline:
                return Inline(key, node);
            case SchemaKind.List:
                if (node is not YamlSequenceNode sequence) throw Expected(key, node, path, type.Expected, Describe(node));
                var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(type.Item!.Clr))!;
                for (var i = 0; i < sequence.Children.Count; i++) list.Add(Value(key, type.Item, sequence.Children[i], $"{path}[{i}]"));
                return list;
            case SchemaKind.Map:
                if (node is not YamlMappingNode mapping) throw Expected(key, node, path, type.Expected, Describe(node));
                var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), type.Item!.Clr))!;
                foreach (var (itemKey, item) in mapping)
                {
                    var name = Name(itemKey, path);
                    map.Add(name, Value(key, type.Item, item, Join(path, name)));
                }

                return map;
            default:
                if (node is not YamlScalarNode { Value: { } text } || !type.TryParse(text, key.Attribute, out var value))
                    throw Expected(key, node, path, type.Expected, Describe(node));
                if (!key.Attribute.IsPath) return value;
                return text.Length > 0 ? Path.GetFullPath(text, folder) : throw Expected(key, node, path, type.Expected, "an empty text");
        }
    }

    private InlineValue Inline(ConfigKey key, YamlNode node)
    {
        var scalar = (node as YamlScalarNode)?.Value;
        var looksLikePath = scalar is not null && (scalar.Contains('/') || scalar.EndsWith(".json", StringComparison.Ordinal));
        if (key.Attribute.IsPath && looksLikePath) scalar = Path.GetFullPath(scalar!, folder);
        var json = scalar is null ? YamlJson.Of(node, file) : JsonValue.Create(scalar);
        return new InlineValue(json.ToJsonString(), SectionLocation.At(file, node), scalar);
    }

    private string Name(YamlNode key, string path) =>
        key is YamlScalarNode { Value: { } name } ? name : throw Fault(key, path, $"expected a name as key, found {Describe(key)}");

    private InvalidInputException Expected(ConfigKey key, YamlNode node, string path, string expected, string found) =>
        Fault(node, path, $"expected {expected}, found {found} ({key.Attribute.Description})");

    private InvalidInputException Fault(YamlNode node, string path, string message) =>
        new($"{SectionLocation.At(file, node)}: {(path.Length == 0 ? "" : $"key '{path}': ")}{message}");

    private static bool IsNull(YamlNode node) =>
        node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" or "Null" or "NULL" };

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string Describe(YamlNode node) => node switch
    {
        _ when IsNull(node) => "nothing",
        YamlScalarNode scalar => $"'{scalar.Value}'",
        YamlSequenceNode => "a list",
        _ => "keys and values",
    };
}

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

/// <summary>Remembers which file a node was read from, where one file's keys are merged into another's.</summary>
internal static class NodeOrigins
{
    private static readonly ConditionalWeakTable<YamlNode, string> Files = [];

    /// <summary>Says that a mapping and all below it come from a file.</summary>
    public static void Remember(YamlMappingNode root, string file)
    {
        foreach (var node in root.AllNodes) Files.AddOrUpdate(node, file);
    }

    /// <summary>The file that the node was read from; null when nobody said.</summary>
    public static string? FileOf(YamlNode node) => Files.TryGetValue(node, out var file) ? file : null;
}

/// <summary>A record with rules that span several keys.</summary>
internal interface ICheckedSection
{
    /// <summary>Called once all keys are read and each is valid by itself.</summary>
    /// <param name="section">Where the section stands, to build the fault from.</param>
    /// <exception cref="InvalidInputException">A rule is broken; made by <see cref="SectionLocation.Fault"/>.</exception>
    void Check(SectionLocation section);
}
