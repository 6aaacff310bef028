using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Bam.Configuration;

/// <summary>
/// Declares a property as a key of a YAML file or of <c>config.json</c>. Reading, validation, writing and the JSON schema are
/// derived from it, the property's type, its initial value (the default) and <c>required</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class KeyAttribute(string description = "") : Attribute
{
    /// <summary>
    /// The meaning of the key, with its unit, for the author of a YAML file; empty in <c>config.json</c>, which has no schema.
    /// </summary>
    public string Description { get; } = description;

    /// <summary>The key's name where it is not the property's in snake_case.</summary>
    public string? Name { get; init; }

    /// <summary>The smallest allowed number; applies to each entry of a list.</summary>
    public double Minimum { get; init; } = double.NegativeInfinity;

    /// <summary>The largest allowed number; applies to each entry of a list.</summary>
    public double Maximum { get; init; } = double.PositiveInfinity;

    /// <summary>Excludes <see cref="Minimum"/> itself.</summary>
    public bool AboveMinimum { get; init; }

    /// <summary>Excludes <see cref="Maximum"/> itself.</summary>
    public bool BelowMaximum { get; init; }

    /// <summary>
    /// The text is a path, relative to the folder of the file. In an <see cref="InlineValue"/>, only texts with a '/' or the
    /// extension ".json" are paths; others are names.
    /// </summary>
    public bool IsPath { get; init; }

    /// <summary>The text is the path of a model, or of a checkpoint and its adapters, joined by plus signs.</summary>
    public bool IsModel
    {
        get;
        init => IsPath = field = value;
    }

    /// <summary>
    /// False if the key has no influence on the result (see <see cref="ConfigDifference"/>); a model's result is its logits.
    /// </summary>
    public bool ChangesResult { get; init; } = true;

    /// <summary>
    /// <c>config.json</c>, and what runs and phases are recognised by, have the key only where its value is not the default: a
    /// new key leaves the hashes of earlier runs as they are.
    /// </summary>
    public bool OmitDefault { get; init; }

    /// <summary>True for a number within the range.</summary>
    public bool Allows(double number) =>
        (AboveMinimum ? number > Minimum : number >= Minimum) && (BelowMaximum ? number < Maximum : number <= Maximum);
}

/// <summary>
/// Lifts the keys of the property's record to the level of the containing record: a group of keys that several files share.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class FlattenedAttribute : Attribute;

/// <summary>A part of a YAML file that is passed on as JSON for another reader to validate.</summary>
/// <param name="Json">A JSON string for a scalar, else an object or array in the file's key order.</param>
/// <param name="Where">"file:line", for messages.</param>
/// <param name="Scalar">The text of a scalar, else null.</param>
internal sealed record InlineValue(string Json, string Where, string? Scalar)
{
    /// <summary>Compares the values, not their locations.</summary>
    public bool Equals(InlineValue? other) => other is not null && Json == other.Json;

    public override int GetHashCode() => Json.GetHashCode(StringComparison.Ordinal);
}

/// <summary>One key of a section and the property that it sets.</summary>
/// <param name="Name">The attribute's name, else the property's in snake_case.</param>
/// <param name="Property">The property that it sets.</param>
/// <param name="Groups">The flattened properties on the path from the section's record to <paramref name="Property"/>.</param>
/// <param name="Attribute">Description and range.</param>
internal sealed record ConfigKey(string Name, PropertyInfo Property, IReadOnlyList<PropertyInfo> Groups, KeyAttribute Attribute)
{
    // What trimming keeps of a section that is given as typeof(…). Of flattened groups it keeps nothing; ModelConfig, the only
    // section that the program of machine code reads, has none.
    private const DynamicallyAccessedMemberTypes Members = DynamicallyAccessedMemberTypes.PublicParameterlessConstructor
        | DynamicallyAccessedMemberTypes.PublicProperties | DynamicallyAccessedMemberTypes.NonPublicProperties;

    private static readonly NullabilityInfoContext Nullability = new();

    public bool IsRequired => Property.IsDefined(typeof(RequiredMemberAttribute));

    /// <summary>True if "null" is a valid value.</summary>
    public bool IsNullable => IsNullableProperty(Property);

    /// <summary>The keys of a record in the order of its properties; flattened groups are expanded in place.</summary>
    public static IReadOnlyList<ConfigKey> Of([DynamicallyAccessedMembers(Members)] Type section) => [.. Of(section, [])];

    /// <summary>Creates a record with default values, including its flattened groups.</summary>
    public static object Create([DynamicallyAccessedMembers(Members)] Type section)
    {
        var created = Activator.CreateInstance(section)!;
        foreach (var group in Properties(section).Where(p => p.IsDefined(typeof(FlattenedAttribute))))
            if (group.GetValue(created) is null) group.SetValue(created, Create(group.PropertyType));
        return created;
    }

    /// <summary>The exception for a value of another type or range; <paramref name="path"/> leads to the value.</summary>
    public InvalidInputException Fault(string where, string path, string expected, string found) =>
        new($"{where}: key '{path}': expected {expected}, found {found} ({Attribute.Description})");

    public object? Get(object section) => Property.GetValue(Holder(section));

    public void Set(object section, object? value) => Property.SetValue(Holder(section), value);

    // A key may be internal although the record is public.
    private static PropertyInfo[] Properties(Type section) =>
        section.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);

    private static IEnumerable<ConfigKey> Of(Type section, IReadOnlyList<PropertyInfo> groups)
    {
        var properties = Properties(section);
        foreach (var property in properties.OrderBy(BaseFirst).ThenBy(DeclarationOrder))
        {
            if (property.IsDefined(typeof(FlattenedAttribute)))
                foreach (var key in Of(property.PropertyType, [.. groups, property])) yield return key;
            else if (property.GetCustomAttribute<KeyAttribute>() is { } attribute)
                yield return new ConfigKey(attribute.Name ?? SnakeCase.Of(property.Name), property, groups, attribute);
        }
    }

    // A program of machine code has no tokens, and lists properties in this order.
    private static int DeclarationOrder(PropertyInfo property) => property.HasMetadataToken() ? property.MetadataToken : 0;

    private static int BaseFirst(PropertyInfo property)
    {
        var depth = 0;
        for (var type = property.DeclaringType; type is not null; type = type.BaseType) depth++;
        return depth;
    }

    private static bool IsNullableProperty(PropertyInfo property)
    {
        if (property.PropertyType.IsValueType) return Nullable.GetUnderlyingType(property.PropertyType) is not null;
        lock (Nullability) return Nullability.Create(property).WriteState == NullabilityState.Nullable;
    }

    private object Holder(object section) => Groups.Aggregate(section, (holder, group) => group.GetValue(holder)!);
}

/// <summary>Converts C# names to the names in files.</summary>
internal static class SnakeCase
{
    /// <summary>"LearningRate" → "learning_rate", "RouterZLossCoef" → "router_z_loss_coef", "Beta1" → "beta1".</summary>
    public static string Of(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    /// <summary><c>NormType.RmsNorm</c> → "rms_norm".</summary>
    public static string Of(Enum value) => Of(value.ToString());
}
