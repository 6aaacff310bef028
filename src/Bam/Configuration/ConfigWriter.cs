using System.Collections;
using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>Records as YAML with every default written out: <c>config.resolved.yaml</c>. What is written reads back equal.</summary>
public static class ConfigWriter
{
    /// <summary>The record as YAML text, keys in the record's order, nulls left out.</summary>
    public static string Write(object section)
    {
        using var text = new StringWriter();
        new YamlStream(new YamlDocument(Section(section))).Save(text, assignAnchors: false);
        // YamlStream ends a document by "...", which is allowed and of no use.
        var yaml = text.ToString().ReplaceLineEndings("\n");
        return yaml.EndsWith("...\n", StringComparison.Ordinal) ? yaml[..^4] : yaml;
    }

    internal static YamlNode? Node(object? value) => value switch
    {
        null => null,
        string text => Text(text),
        bool flag => new YamlScalarNode(flag ? "true" : "false"),
        double number => new YamlScalarNode(number.ToString("R", CultureInfo.InvariantCulture)),
        int or long => new YamlScalarNode(Convert.ToString(value, CultureInfo.InvariantCulture)),
        Enum choice => new YamlScalarNode(SnakeCase.Of(choice.ToString())),
        InlineValue inline => inline.Scalar is { } scalar ? new YamlScalarNode(scalar) : Json(JsonNode.Parse(inline.Json)),
        IDictionary map => new YamlMappingNode(map.Keys.Cast<string>().Select(k => KeyValuePair.Create<YamlNode, YamlNode>(Text(k), Node(map[k])!))),
        IEnumerable list => new YamlSequenceNode(list.Cast<object>().Select(item => Node(item)!)),
        _ => Section(value),
    };

    private static YamlMappingNode Section(object section)
    {
        var mapping = new YamlMappingNode();
        foreach (var key in ConfigKey.Of(section.GetType()))
            if (Node(key.Get(section)) is { } value) mapping.Add(key.Name, value);
        return mapping;
    }

    private static YamlScalarNode Text(string text) =>
        new(text) { Style = text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-') && !char.IsAsciiDigit(text[0]) && text is not ("true" or "false" or "null" or "-") ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted };

    private static YamlNode Json(JsonNode? node) => node switch
    {
        JsonObject map => new YamlMappingNode(map.Select(m => KeyValuePair.Create<YamlNode, YamlNode>(Text(m.Key), Json(m.Value)))),
        JsonArray list => new YamlSequenceNode(list.Select(Json)),
        JsonValue value when value.TryGetValue<string>(out var text) => Text(text),
        { } value => new YamlScalarNode(value.ToJsonString()),
        null => new YamlScalarNode("null"),
    };
}
