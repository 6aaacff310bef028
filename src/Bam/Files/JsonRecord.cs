using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Bam.Files;

/// <summary>
/// Reads JSON records written by Bam, which may have been truncated or edited since. Required keys must be present, non-nullable
/// values not null, and numbers finite; the message names the file and the key.
/// </summary>
internal static class JsonRecord
{
    /// <summary>Base options for writing and reading records: snake_case names, nullable annotations are respected.</summary>
    public static JsonSerializerOptions Options => new()
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>Reads a file with one record.</summary>
    /// <exception cref="InvalidInputException">The file is missing, unreadable or invalid.</exception>
    public static T Load<T>(string path, string hint, JsonSerializerOptions options) =>
        Parse<T>(InputFile.ReadAllBytes(path, hint), path, hint, options);

    /// <summary>Reads a record from UTF-8 text; <paramref name="where"/> is its file or line.</summary>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> json, string where, string hint, JsonSerializerOptions options) =>
        Read<T>(JsonInput.Parse(json, where, hint), where, hint, options);

    /// <summary>Reads a record from parsed JSON; <paramref name="where"/> is its file and key.</summary>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public static T Read<T>(JsonElement json, string where, string hint, JsonSerializerOptions options)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new InvalidInputException(where, "a JSON object", JsonInput.Describe(json), hint);
        options.MakeReadOnly();
        if (FaultOf(json, options.GetTypeInfo(typeof(T)), "") is { } fault)
            throw new InvalidInputException($"{where}: {fault}; {hint}");
        try
        {
            return json.Deserialize<T>(options)!;
        }
        catch (JsonException e)
        {
            // The serializer's message names C# types.
            var key = e.Path?.TrimStart('$').TrimStart('.');
            throw new InvalidInputException(
                $"{where}: {(string.IsNullOrEmpty(key) ? "" : $"key '{key}': ")}holds what Bam does not write there; {hint}", e);
        }
    }

    /// <summary>
    /// Finds errors that the serializer does not detect or not name: missing keys, nulls inside lists, non-finite numbers; null
    /// if none.
    /// </summary>
    private static string? FaultOf(JsonElement value, JsonTypeInfo type, string key)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object when type.Kind == JsonTypeInfoKind.Object:
                return type.Properties.Select(property => FaultOf(value, property, key, type.Options))
                    .FirstOrDefault(fault => fault is not null);
            case JsonValueKind.Object when type is { Kind: JsonTypeInfoKind.Dictionary, ElementType: { } item }:
                return value.EnumerateObject()
                    .Select(entry => FaultOfItem(entry.Value, item, Join(key, entry.Name), type.Options))
                    .FirstOrDefault(fault => fault is not null);
            case JsonValueKind.Array when type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } item }:
                return value.EnumerateArray().Select((entry, i) => FaultOfItem(entry, item, $"{key}[{i}]", type.Options))
                    .FirstOrDefault(fault => fault is not null);
            case JsonValueKind.Number when value.TryGetDouble(out var number) && !double.IsFinite(number):
                return Fault(key, "a finite number", value.GetRawText());
            default:
                return null;
        }
    }

    private static string? FaultOf(JsonElement record, JsonPropertyInfo property, string above, JsonSerializerOptions options)
    {
        if (property.Set is null && property.AssociatedParameter is null) return null;
        var key = Join(above, property.Name);
        if (!record.TryGetProperty(property.Name, out var value)) return property.IsRequired ? $"key '{key}' is missing" : null;
        if (value.ValueKind != JsonValueKind.Null) return FaultOf(value, options.GetTypeInfo(property.PropertyType), key);
        return property.IsSetNullable
            && (!property.PropertyType.IsValueType || Nullable.GetUnderlyingType(property.PropertyType) is not null)
            ? null
            : Fault(key, "a value", "null");
    }

    // The nullability of list items is not available at run time; in Bam's records they are not nullable.
    private static string? FaultOfItem(JsonElement item, Type type, string key, JsonSerializerOptions options) =>
        item.ValueKind == JsonValueKind.Null ? Fault(key, "a value", "null") : FaultOf(item, options.GetTypeInfo(type), key);

    private static string Fault(string key, string expected, string found) =>
        $"key '{key}': expected {expected}, found {ShortText.Of(found)}";

    private static string Join(string above, string name) => above.Length == 0 ? name : $"{above}.{name}";
}
