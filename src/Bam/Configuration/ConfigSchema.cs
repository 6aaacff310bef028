using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bam.Configuration;

/// <summary>The JSON schema (draft 2020-12) of a record's YAML file, for editors and for <c>--schema</c>.</summary>
internal static class ConfigSchema
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The schema as indented JSON text.</summary>
    /// <param name="title">What the file is.</param>
    public static string Write<T>(string title) where T : class => Of(typeof(T), title).ToJsonString(Indented);

    private static JsonObject Of(Type section, string title)
    {
        var schema = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["title"] = title };
        foreach (var (name, value) in Section(section).ToArray()) schema[name] = value?.DeepClone();
        return schema;
    }

    private static JsonObject Section(Type type)
    {
        var keys = ConfigKey.Of(type);
        var properties = new JsonObject();
        foreach (var key in keys) properties[key.Name] = Property(key);
        var schema = new JsonObject { ["type"] = "object", ["additionalProperties"] = false, ["properties"] = properties };
        if (keys.Any(k => k.IsRequired)) schema["required"] = Names(keys.Where(k => k.IsRequired).Select(k => k.Name));
        return schema;
    }

    private static JsonObject Property(ConfigKey key)
    {
        var schema = Of(SchemaType.Of(key), key.Attribute);
        if (key.IsNullable) AllowNull(schema);
        schema["description"] = key.Attribute.Description;
        var defaults = Activator.CreateInstance(key.Property.ReflectedType!)!;
        if (!key.IsRequired && key.Property.GetValue(defaults) is { } value && Scalar(value) is { } scalar) schema["default"] = scalar;
        return schema;
    }

    private static JsonObject Of(SchemaType type, KeyAttribute limits)
    {
        switch (type.Kind)
        {
            case SchemaKind.Text: return new() { ["type"] = "string" };
            case SchemaKind.Switch: return new() { ["type"] = "boolean" };
            case SchemaKind.Integer: return Limited(new() { ["type"] = "integer" }, limits);
            case SchemaKind.Number: return Limited(new() { ["type"] = "number" }, limits);
            case SchemaKind.Choice: return new() { ["enum"] = Names(SchemaType.Choices(type.Clr)) };
            case SchemaKind.List: return new() { ["type"] = "array", ["items"] = Of(type.Item!, limits) };
            case SchemaKind.Map: return new() { ["type"] = "object", ["additionalProperties"] = Of(type.Item!, limits) };
            case SchemaKind.Inline: return new() { ["type"] = new JsonArray("string", "object") };
            default: return Section(type.Clr);
        }
    }

    private static JsonArray Names(IEnumerable<string> names) => [.. names.Select(name => JsonValue.Create(name))];

    private static JsonObject Limited(JsonObject schema, KeyAttribute limits)
    {
        if (double.IsFinite(limits.Minimum)) schema[limits.AboveMinimum ? "exclusiveMinimum" : "minimum"] = limits.Minimum;
        if (double.IsFinite(limits.Maximum)) schema[limits.BelowMaximum ? "exclusiveMaximum" : "maximum"] = limits.Maximum;
        return schema;
    }

    private static void AllowNull(JsonObject schema)
    {
        if (schema["type"] is JsonArray types) types.Add("null");
        else if (schema["type"] is { } type) schema["type"] = new JsonArray(type.DeepClone(), "null");
        else if (schema["enum"] is JsonArray choices) choices.Add(null);
    }

    private static JsonValue? Scalar(object value) => value switch
    {
        string text => JsonValue.Create(text),
        bool flag => JsonValue.Create(flag),
        int number => JsonValue.Create(number),
        long number => JsonValue.Create(number),
        double number => JsonValue.Create(number),
        Enum choice => JsonValue.Create(SnakeCase.Of(choice.ToString())),
        _ => null,
    };
}
