using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>YAML as JSON, by YAML 1.2's core schema: plain scalars are typed by their looks, quoted ones are strings.</summary>
internal static class YamlJson
{
    /// <summary>The node as JSON; null becomes a JSON null inside containers.</summary>
    /// <param name="node">The node.</param>
    /// <param name="file">The file that it was read from, for faults.</param>
    /// <exception cref="InvalidInputException">It holds what JSON cannot: a key that is no text, a number that is not finite.</exception>
    public static JsonNode Of(YamlNode node, string file = "the configuration") => Convert(node, file) ?? JsonValue.Create("");

    private static JsonNode? Convert(YamlNode node, string file) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Select(m => KeyValuePair.Create(Name(m.Key, file), Convert(m.Value, file)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Select(item => Convert(item, file))]),
        YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any, Value: { } text } => Plain(text) is { } value ? Finite(value, node, file) : null,
        YamlScalarNode scalar => JsonValue.Create(scalar.Value ?? ""),
        _ => null,
    };

    private static string Name(YamlNode key, string file) => key is YamlScalarNode scalar
        ? scalar.Value ?? ""
        : throw new InvalidInputException(
            SectionLocation.At(file, key), "a name as key", key is YamlSequenceNode ? "a list" : "keys and values", "write 'name: value'");

    private static JsonValue Finite(JsonValue value, YamlNode node, string file) => !value.TryGetValue<double>(out var number) || double.IsFinite(number)
        ? value
        : throw new InvalidInputException(SectionLocation.At(file, node), "a finite number", $"'{node}'", "write another, or put quotes around a text");

    private static JsonValue? Plain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => JsonValue.Create(true),
        "false" or "False" or "FALSE" => JsonValue.Create(false),
        _ when long.TryParse(
            text.Replace("_", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer) =>
            JsonValue.Create(integer),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => JsonValue.Create(number),
        _ => JsonValue.Create(text),
    };
}
