using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Bam.Files;

/// <summary>
/// Reads the JSON that Bam itself wrote and that may have been cut short or changed since: every key that the record needs is there, nothing
/// is null that cannot be, and numbers are finite. What is damaged costs one line that names the file and the key.
/// </summary>
internal static class JsonRecord
{
    /// <summary>Options for writing and reading records, to add to: names in snake_case, and what C# says cannot be null is not.</summary>
    public static JsonSerializerOptions Options => new()
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>Reads a file that holds one record.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What to do when it is missing or damaged.</param>
    /// <param name="options">How it was written.</param>
    /// <exception cref="InvalidInputException">The file is missing, unreadable or damaged.</exception>
    public static T Load<T>(string path, string hint, JsonSerializerOptions options) =>
        Parse<T>(InputFile.ReadAllBytes(path, hint), path, hint, options);

    /// <summary>Reads one record.</summary>
    /// <param name="json">UTF-8 text.</param>
    /// <param name="where">The file, or the line.</param>
    /// <param name="hint">What to do when it is damaged.</param>
    /// <param name="options">How it was written.</param>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> json, string where, string hint, JsonSerializerOptions options) =>
        Read<T>(JsonInput.Parse(json, where, hint), where, hint, options);

    /// <summary>Reads a part of a record.</summary>
    /// <param name="json">The part.</param>
    /// <param name="where">The file, and what of it this is.</param>
    /// <param name="hint">What to do when it is damaged.</param>
    /// <param name="options">How it was written.</param>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public static T Read<T>(JsonElement json, string where, string hint, JsonSerializerOptions options)
    {
        if (json.ValueKind != JsonValueKind.Object) throw new InvalidInputException(where, "a JSON object", JsonInput.Describe(json), hint);
        options.MakeReadOnly();
        if (FaultOf(json, options.GetTypeInfo(typeof(T)), "") is { } fault) throw new InvalidInputException($"{where}: {fault}; {hint}");
        try
        {
            return json.Deserialize<T>(options)!;
        }
        catch (JsonException e)
        {
            // Its own message names C# types.
            var key = e.Path?.TrimStart('$').TrimStart('.');
            throw new InvalidInputException($"{where}: {(string.IsNullOrEmpty(key) ? "" : $"key '{key}': ")}holds what Bam does not write there; {hint}", e);
        }
    }

    /// <summary>What the serializer would not see, or not name: missing keys, nulls inside lists, numbers that are not finite; null for none.</summary>
    private static string? FaultOf(JsonElement value, JsonTypeInfo type, string key)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object when type.Kind == JsonTypeInfoKind.Object:
                return type.Properties.Select(property => FaultOf(value, property, key, type.Options)).FirstOrDefault(fault => fault is not null);
            case JsonValueKind.Object when type is { Kind: JsonTypeInfoKind.Dictionary, ElementType: { } item }:
                return value.EnumerateObject().Select(entry => FaultOfItem(entry.Value, item, Join(key, entry.Name), type.Options)).FirstOrDefault(fault => fault is not null);
            case JsonValueKind.Array when type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } item }:
                return value.EnumerateArray().Select((entry, i) => FaultOfItem(entry, item, $"{key}[{i}]", type.Options)).FirstOrDefault(fault => fault is not null);
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
        return property.IsSetNullable && (!property.PropertyType.IsValueType || Nullable.GetUnderlyingType(property.PropertyType) is not null)
            ? null
            : Fault(key, "a value", "null");
    }

    // C# keeps no note of whether the items of a list can be null; in Bam's records they cannot.
    private static string? FaultOfItem(JsonElement item, Type type, string key, JsonSerializerOptions options) =>
        item.ValueKind == JsonValueKind.Null ? Fault(key, "a value", "null") : FaultOf(item, options.GetTypeInfo(type), key);

    private static string Fault(string key, string expected, string found) => $"key '{key}': expected {expected}, found {ShortText.Of(found)}";

    private static string Join(string above, string name) => above.Length == 0 ? name : $"{above}.{name}";
}
