using System.Collections;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Bam.Files;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>Reads YAML files as validated records; the properties with a <see cref="KeyAttribute"/> declare the keys.</summary>
internal static class ConfigFile
{
    /// <summary>Reads and validates a file.</summary>
    /// <exception cref="InvalidInputException">
    /// The file is missing, is not YAML or is invalid; the message starts with "file:line: ".
    /// </exception>
    public static T Read<T>(string path) where T : class => Bind<T>(Load(path), path);

    /// <summary>
    /// Reads a record from text; <paramref name="file"/> is used in messages and as the base of relative paths.
    /// </summary>
    /// <exception cref="InvalidInputException">The text is not YAML or is invalid.</exception>
    public static T Parse<T>(string yaml, string file) where T : class => Bind<T>(YamlReader.Read(yaml, file), file);

    /// <summary>
    /// Reads a file's mapping without validating its keys, for callers that merge sections before binding them.
    /// </summary>
    /// <exception cref="InvalidInputException">The file is missing, or it is not a YAML mapping in UTF-8.</exception>
    public static YamlMappingNode Load(string path)
    {
        if (Directory.Exists(path))
            throw new InvalidInputException(path, "a YAML file", "a directory", "name the file inside it");
        if (!File.Exists(path)) throw new InvalidInputException(path, "a YAML file", "nothing", "check the path");
        return YamlReader.Read(InputFile.ReadAllText(path, "check the path", YamlEvents.MaxCharacters), path);
    }

    /// <summary>
    /// Merges two mappings recursively: keys of <paramref name="overrides"/> win, values other than mappings are replaced. Each
    /// node keeps its line.
    /// </summary>
    public static YamlMappingNode Merge(YamlMappingNode defaults, YamlMappingNode overrides)
    {
        // Overrides first: a merged mapping is located by its first key.
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

    /// <summary>Validates a node and converts it to a record.</summary>
    /// <exception cref="InvalidInputException">
    /// A key is unknown, missing or invalid; the message starts with "file:line: ".
    /// </exception>
    public static T Bind<T>(YamlNode node, string file) where T : class => (T)new ConfigBinder(file).Section(typeof(T), node, "");
}

/// <summary>Builds records from YAML nodes and rejects keys and values that the record does not declare.</summary>
internal sealed class ConfigBinder(string file)
{
    private readonly string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;

    /// <summary>
    /// Reads a mapping as a record of type <paramref name="type"/>. The path is the list of keys that lead to it ("data[1]"),
    /// empty at the root.
    /// </summary>
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
                    $"{SectionLocation.At(file, mapping)}: key '{Join(path, key.Name)}' is missing "
                        + $"({key.Attribute.Description})");
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
                for (var i = 0; i < sequence.Children.Count; i++)
                    list.Add(Value(key, type.Item, sequence.Children[i], $"{path}[{i}]"));
                return list;
            case SchemaKind.Map:
                if (node is not YamlMappingNode mapping) throw Expected(key, node, path, type.Expected, Describe(node));
                var map = (IDictionary)Activator.CreateInstance(
                    typeof(Dictionary<,>).MakeGenericType(typeof(string), type.Item!.Clr))!;
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
                return text.Length > 0
                    ? key.Attribute.IsModel ? ModelPath.Absolute(text, folder) : Path.GetFullPath(text, folder)
                    : throw Expected(key, node, path, type.Expected, "an empty text");
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
        key is YamlScalarNode { Value: { } name }
            ? name
            : throw Fault(key, path, $"expected a name as key, found {Describe(key)}");

    private InvalidInputException Expected(ConfigKey key, YamlNode node, string path, string expected, string found) =>
        key.Fault(SectionLocation.At(file, node), path, expected, found);

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

/// <summary>The location of a mapping in a file, for messages that name the line of a key.</summary>
internal sealed class SectionLocation
{
    private readonly YamlNode? node;

    internal SectionLocation(string file, YamlNode? node)
    {
        File = file;
        this.node = node;
    }

    /// <summary>The path as given by the user, or the name of a record that was made in code.</summary>
    public string File { get; }

    /// <summary>"file:line" of the key, or of the section if the key is absent; without a line for a record.</summary>
    public string Of(string key) => (Find(key) ?? node) is { } place ? At(File, place) : File;

    public bool Has(string key) => Find(key) is not null;

    /// <summary>The exception for a violated constraint; the message starts with the line of <paramref name="key"/>.</summary>
    public InvalidInputException Fault(string key, string message) => new($"{Of(key)}: {message}");

    internal static string At(string file, YamlNode node)
    {
        // A merged mapping has no location of its own; its first key has one.
        while (node is YamlMappingNode { Children.Count: > 0 } mapping) node = mapping.Children[0].Key;
        return $"{NodeOrigins.FileOf(node) ?? file}:{node.Start.Line}";
    }

    private YamlNode? Find(string key) =>
        (node as YamlMappingNode)?.Children.Keys.FirstOrDefault(k => k is YamlScalarNode scalar && scalar.Value == key);
}

/// <summary>Records the file that a node was read from, for keys that are merged into another file's.</summary>
internal static class NodeOrigins
{
    private static readonly ConditionalWeakTable<YamlNode, string> Files = [];

    /// <summary>Assigns a file to a mapping and all nodes below it.</summary>
    public static void Remember(YamlMappingNode root, string file)
    {
        foreach (var node in root.AllNodes) Files.AddOrUpdate(node, file);
    }

    /// <summary>The file that the node was read from; null if not recorded.</summary>
    public static string? FileOf(YamlNode node) => Files.TryGetValue(node, out var file) ? file : null;
}

/// <summary>A record with constraints across several keys.</summary>
internal interface ICheckedSection
{
    /// <summary>Called after all keys have been read and validated individually.</summary>
    /// <exception cref="InvalidInputException">A constraint is violated; see <see cref="SectionLocation.Fault"/>.</exception>
    void Check(SectionLocation section);
}
