using System.Collections;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>
/// Writes records as YAML with all defaults: <c>config.resolved.yaml</c>. Reading the file gives an equal record.
/// </summary>
internal static class ConfigWriter
{
    /// <summary>
    /// The record as YAML text in the order of its properties; null values are omitted where null is the default.
    /// </summary>
    public static string Write(object section) => Write(section, onlyWhatChangesResults: false);

    /// <summary>
    /// SHA-256 of the keys that change results (<see cref="KeyAttribute.ChangesResult"/>), in lower-case hexadecimal.
    /// </summary>
    public static string Fingerprint(object section) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Write(section, onlyWhatChangesResults: true))));

    internal static string Write(YamlMappingNode mapping)
    {
        using var text = new StringWriter();
        new YamlStream(new YamlDocument(mapping)).Save(text, assignAnchors: false);
        // YamlStream ends a document with "...", which is optional.
        var yaml = text.ToString().ReplaceLineEndings("\n");
        return yaml.EndsWith("...\n", StringComparison.Ordinal) ? yaml[..^4] : yaml;
    }

    private static string Write(object section, bool onlyWhatChangesResults) => Write(Section(section, onlyWhatChangesResults));

    internal static YamlNode? Node(object? value, bool onlyWhatChangesResults = false) => value switch
    {
        null => null,
        string text => Text(text),
        bool flag => new YamlScalarNode(flag ? "true" : "false"),
        double number => new YamlScalarNode(number.ToString("R", CultureInfo.InvariantCulture)),
        int or long => new YamlScalarNode(Convert.ToString(value, CultureInfo.InvariantCulture)),
        Enum choice => new YamlScalarNode(SnakeCase.Of(choice)),
        InlineValue inline => inline.Scalar is { } scalar ? new YamlScalarNode(scalar) : Json(JsonNode.Parse(inline.Json)),
        IDictionary map => new YamlMappingNode(
            map.Keys.Cast<string>().Select(
                k => KeyValuePair.Create<YamlNode, YamlNode>(Text(k), Node(map[k], onlyWhatChangesResults)!))),
        IEnumerable list => new YamlSequenceNode(list.Cast<object>().Select(item => Node(item, onlyWhatChangesResults)!)),
        _ => Section(value, onlyWhatChangesResults),
    };

    private static YamlMappingNode Section(object section, bool onlyWhatChangesResults)
    {
        var mapping = new YamlMappingNode();
        var defaults = ConfigKey.Create(section.GetType());
        foreach (var key in ConfigKey.Of(section.GetType()))
        {
            if (onlyWhatChangesResults && (!key.Attribute.ChangesResult || IsOmitted(key))) continue;
            if (Node(key.Get(section), onlyWhatChangesResults) is { } value) mapping.Add(key.Name, value);
            else if (key.Get(defaults) is not null) mapping.Add(key.Name, new YamlScalarNode("null"));
        }

        return mapping;

        bool IsOmitted(ConfigKey key) => key.Attribute.OmitDefault && Equals(key.Get(section), key.Get(defaults));
    }

    private static YamlScalarNode Text(string text) =>
        new(text) { Style = IsPlain(text) ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted };

    // Words and paths that cannot be read as a number, a boolean or null.
    private static bool IsPlain(string text) =>
        text.Length > 1 && (char.IsAsciiLetter(text[0]) || text[0] == '/')
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-')
        && text.ToLowerInvariant() is not ("true" or "false" or "null" or "yes" or "no" or "on" or "off");

    private static YamlNode Json(JsonNode? node) => node switch
    {
        JsonObject map => new YamlMappingNode(
            map.Select(m => KeyValuePair.Create<YamlNode, YamlNode>(Text(m.Key), Json(m.Value)))),
        JsonArray list => new YamlSequenceNode(list.Select(Json)),
        JsonValue value when value.TryGetValue<string>(out var text) => Text(text),
        { } value => new YamlScalarNode(value.ToJsonString()),
        null => new YamlScalarNode("null"),
    };
}

/// <summary>The first key whose difference between two records of one type would change the result.</summary>
/// <param name="Key">The key, "data[1].weight".</param>
/// <param name="First">The value in the first record, as written in the resolved file; "nothing" if absent.</param>
/// <param name="Second">The value in the second record.</param>
internal sealed record ConfigDifference(string Key, string First, string Second)
{
    /// <summary>
    /// Compares key by key, except keys with <see cref="KeyAttribute.ChangesResult"/> false; null if all are equal.
    /// </summary>
    public static ConfigDifference? Between<T>(T first, T second) where T : class => Section(first, second, "");

    private static ConfigDifference? Section(object first, object second, string path) =>
        ConfigKey.Of(first.GetType()).Where(k => k.Attribute.ChangesResult)
            .Select(k => Value(k.Get(first), k.Get(second), path.Length == 0 ? k.Name : $"{path}.{k.Name}"))
            .FirstOrDefault(d => d is not null);

    private static ConfigDifference? Value(object? first, object? second, string path)
    {
        if (Equals(first, second)) return null;
        if (first is null || second is null || first is string or ValueType or InlineValue) return Leaf(first, second, path);
        if (first is IDictionary a && second is IDictionary b)
            return a.Keys.Cast<string>().Union(b.Keys.Cast<string>())
                .Select(k => Value(a.Contains(k) ? a[k] : null, b.Contains(k) ? b[k] : null, $"{path}.{k}"))
                .FirstOrDefault(d => d is not null);
        if (first is not IEnumerable x || second is not IEnumerable y) return Section(first, second, path);
        var (left, right) = (x.Cast<object>().ToArray(), y.Cast<object>().ToArray());
        return Enumerable.Range(0, Math.Max(left.Length, right.Length))
            .Select(i => Value(left.ElementAtOrDefault(i), right.ElementAtOrDefault(i), $"{path}[{i}]"))
            .FirstOrDefault(d => d is not null);
    }

    private static ConfigDifference Leaf(object? first, object? second, string path) => new(path, Text(first), Text(second));

    private static string Text(object? value) => ConfigWriter.Node(value)?.ToString() ?? "nothing";
}
