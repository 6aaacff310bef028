using System.Collections;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

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
