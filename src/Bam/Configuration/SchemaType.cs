using System.Globalization;

namespace Bam.Configuration;

/// <summary>What a key's value must be: the C# type of its property, as the file's author sees it.</summary>
/// <param name="Kind">The shape.</param>
/// <param name="Clr">The property's type without <c>Nullable</c>.</param>
/// <param name="Item">What each entry of a list or a map must be.</param>
/// <param name="Expected">The words for "expected …".</param>
internal sealed record SchemaType(SchemaKind Kind, Type Clr, SchemaType? Item, string Expected)
{
    /// <summary>The type of a key, with the key's range in its words.</summary>
    public static SchemaType Of(ConfigKey key) => Of(key.Property.PropertyType, key.Attribute);

    /// <summary>The names of a choice.</summary>
    public static IEnumerable<string> Choices(Type type) => Enum.GetNames(type).Select(SnakeCase.Of);

    /// <summary>Reads a scalar; false when it is of another kind or out of range.</summary>
    public bool TryParse(string text, KeyAttribute limits, out object value)
    {
        object? parsed = Kind switch
        {
            SchemaKind.Text => text,
            SchemaKind.Switch => text switch { "true" or "True" or "TRUE" => true, "false" or "False" or "FALSE" => false, _ => null },
            SchemaKind.Choice => Enum.GetValues(Clr).Cast<object>().FirstOrDefault(v => SnakeCase.Of(v.ToString()!) == text),
            SchemaKind.Integer => ParseInteger(text) is { } integer && InRange(integer, limits) && Fits(integer)
                ? Convert.ChangeType(integer, Clr, CultureInfo.InvariantCulture)
                : null,
            SchemaKind.Number => ParseNumber(text) is { } number && InRange(number, limits) ? number : null,
            _ => null,
        };
        value = parsed ?? "";
        return parsed is not null;
    }

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

    private static bool InRange(double value, KeyAttribute limits) =>
        (limits.AboveMinimum ? value > limits.Minimum : value >= limits.Minimum)
        && (limits.BelowMaximum ? value < limits.Maximum : value <= limits.Maximum);

    private static long? ParseInteger(string text)
    {
        text = text.Replace("_", "", StringComparison.Ordinal);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer)) return integer;
        return decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && number == decimal.Truncate(number) && Math.Abs(number) <= long.MaxValue ? (long)number : null;
    }

    private static double? ParseNumber(string text) =>
        double.TryParse(text.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && double.IsFinite(number) ? number : null;

    private bool Fits(long value) => Clr == typeof(long) || value is >= int.MinValue and <= int.MaxValue;

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
