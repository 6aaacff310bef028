using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bam.Configuration;

/// <summary>Writes the JSON schema (draft 2020-12) of a record's YAML file, for editors and for <c>--schema</c>.</summary>
internal static class ConfigSchema
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

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
        if (!key.IsRequired && key.Property.GetValue(defaults) is { } value && Scalar(value) is { } scalar)
            schema["default"] = scalar;
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
        Enum choice => JsonValue.Create(SnakeCase.Of(choice)),
        _ => null,
    };
}

/// <summary>The type of a key's value, derived from the C# type of its property.</summary>
/// <param name="Kind">The kind of value.</param>
/// <param name="Clr">The property's type without <c>Nullable</c>.</param>
/// <param name="Item">The type of the entries of a list or map.</param>
/// <param name="Expected">The description for "expected …".</param>
internal sealed record SchemaType(SchemaKind Kind, Type Clr, SchemaType? Item, string Expected)
{
    /// <summary>The type of a key; the description includes its range.</summary>
    public static SchemaType Of(ConfigKey key) => Of(key.Property.PropertyType, key.Attribute);

    /// <summary>The names of an enum's values.</summary>
    public static IEnumerable<string> Choices(Type type) => Enum.GetNames(type).Select(SnakeCase.Of);

    /// <summary>Parses a scalar; false if it is of another kind or out of range.</summary>
    public bool TryParse(string text, KeyAttribute limits, out object value)
    {
        object? parsed = Kind switch
        {
            SchemaKind.Text => text,
            SchemaKind.Switch =>
                text switch { "true" or "True" or "TRUE" => true, "false" or "False" or "FALSE" => false, _ => null },
            SchemaKind.Choice => Enum.GetValues(Clr).Cast<Enum>().FirstOrDefault(v => SnakeCase.Of(v) == text),
            SchemaKind.Integer => ParseInteger(text) is { } integer && Fits(integer)
                ? Convert.ChangeType(integer, Clr, CultureInfo.InvariantCulture)
                : null,
            SchemaKind.Number => ParseNumber(text),
            _ => null,
        };
        value = parsed ?? "";
        return parsed is not null && Allows(parsed, limits);
    }

    /// <summary>False for a scalar that is out of range.</summary>
    public bool Allows(object value, KeyAttribute limits) => Kind switch
    {
        SchemaKind.Choice => Enum.IsDefined(Clr, value),
        SchemaKind.Integer => limits.Allows(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        SchemaKind.Number => value is double number && double.IsFinite(number) && limits.Allows(number),
        _ => true,
    };

    private static SchemaType Of(Type type, KeyAttribute limits)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string)) return new(SchemaKind.Text, type, null, limits.IsPath ? "a path" : "a text");
        if (type == typeof(bool)) return new(SchemaKind.Switch, type, null, "true or false");
        if (type == typeof(int) || type == typeof(long)) return new(SchemaKind.Integer, type, null, $"an integer{Range(limits)}");
        if (type == typeof(double)) return new(SchemaKind.Number, type, null, $"a number{Range(limits)}");
        if (type == typeof(InlineValue)) return new(SchemaKind.Inline, type, null, "a text or keys and values");
        if (type.IsEnum) return new(SchemaKind.Choice, type, null, string.Join(" or ", Choices(type)));
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            return new(SchemaKind.List, type, Of(type.GetGenericArguments()[0], limits), "a list");
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
            return new(SchemaKind.Map, type, Of(type.GetGenericArguments()[1], limits), "names and values");
        return new(SchemaKind.Section, type, null, "keys and values");
    }

    private static string Range(KeyAttribute limits)
    {
        var low = double.IsNegativeInfinity(limits.Minimum) ? null
            : limits.AboveMinimum ? Invariant($"above {limits.Minimum}") : Invariant($"of at least {limits.Minimum}");
        var high = double.IsPositiveInfinity(limits.Maximum) ? null
            : limits.BelowMaximum ? Invariant($"below {limits.Maximum}") : Invariant($"at most {limits.Maximum}");
        return (low, high) switch
        {
            (null, null) => "",
            (_, null) => $" {low}",
            (null, _) => $" {high}",
            _ => $" {low} and {high}",
        };
    }

    private static long? ParseInteger(string text)
    {
        text = text.Replace("_", "", StringComparison.Ordinal);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer)) return integer;
        return decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && number == decimal.Truncate(number) && Math.Abs(number) <= long.MaxValue ? (long)number : null;
    }

    private static double? ParseNumber(string text) =>
        double.TryParse(
            text.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && double.IsFinite(number) ? number : null;

    private bool Fits(long value) => Clr == typeof(long) || value is >= int.MinValue and <= int.MaxValue;

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}

internal enum SchemaKind
{
    Text,
    Switch,
    Integer,
    Number,
    Choice,
    List,
    Map,
    Section,
    Inline,
}
