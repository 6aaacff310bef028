using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Bam.Configuration;

/// <summary>
/// Makes a property a key of a YAML file. Together with the property's type, its initial value (the default) and C#'s
/// <c>required</c>, it is the one description from which reading, validation, the JSON schema and the resolved file come.
/// </summary>
/// <param name="description">What the key means to the person who writes the file, with its unit.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class KeyAttribute(string description) : Attribute
{
    /// <summary>What the key means to the person who writes the file, with its unit.</summary>
    public string Description { get; } = description;

    /// <summary>The smallest number allowed; of a list, of each entry.</summary>
    public double Minimum { get; init; } = double.NegativeInfinity;

    /// <summary>The largest number allowed; of a list, of each entry.</summary>
    public double Maximum { get; init; } = double.PositiveInfinity;

    /// <summary>True: <see cref="Minimum"/> itself is not allowed.</summary>
    public bool AboveMinimum { get; init; }

    /// <summary>True: <see cref="Maximum"/> itself is not allowed.</summary>
    public bool BelowMaximum { get; init; }

    /// <summary>
    /// True: the text is a path, and a relative one is taken from the folder of the file that names it. Of an
    /// <see cref="InlineValue"/>, only texts with a '/' or the ending ".json" are paths; others are names.
    /// </summary>
    public bool IsPath { get; init; }

    /// <summary>False: two runs that differ only here still compute the same (see <see cref="ConfigDifference"/>).</summary>
    public bool ChangesResult { get; init; } = true;
}

/// <summary>Puts the keys of a property's record at the level of the record that holds it: a group of keys that several files share.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class FlattenedAttribute : Attribute;

/// <summary>A part of a YAML file that is handed on as it is, as JSON, because another reader knows what it must hold.</summary>
/// <param name="Json">The value: a JSON string for a scalar, else an object or an array with the file's key order.</param>
/// <param name="Where">"file:line", for that reader's faults.</param>
/// <param name="Scalar">The text when the value is a scalar, else null.</param>
internal sealed record InlineValue(string Json, string Where, string? Scalar)
{
    /// <summary>Equal when the values are; where they stand does not matter.</summary>
    public bool Equals(InlineValue? other) => other is not null && Json == other.Json;

    /// <inheritdoc/>
    public override int GetHashCode() => Json.GetHashCode(StringComparison.Ordinal);
}

/// <summary>One key of a section: the property it fills, and the way to it through flattened groups.</summary>
/// <param name="Name">The key in the file: the property's name in snake_case.</param>
/// <param name="Property">The property it fills.</param>
/// <param name="Groups">The flattened properties between the section's record and the one that holds <paramref name="Property"/>.</param>
/// <param name="Attribute">The description and the ranges.</param>
internal sealed record ConfigKey(string Name, PropertyInfo Property, IReadOnlyList<PropertyInfo> Groups, KeyAttribute Attribute)
{
    private static readonly NullabilityInfoContext Nullability = new();

    /// <summary>True when the file must hold the key.</summary>
    public bool IsRequired { get; } = Property.IsDefined(typeof(RequiredMemberAttribute));

    /// <summary>True when "null" is a value of the key.</summary>
    public bool IsNullable { get; } = IsNullableProperty(Property);

    /// <summary>The keys of a record, in the order of its properties, those of flattened groups in the group's place.</summary>
    public static IReadOnlyList<ConfigKey> Of(Type section) => [.. Of(section, [])];

    /// <summary>An instance of a record that holds nothing but defaults, with its flattened groups.</summary>
    public static object Create(Type section)
    {
        var created = Activator.CreateInstance(section)!;
        foreach (var group in section.GetProperties().Where(p => p.IsDefined(typeof(FlattenedAttribute))))
            if (group.GetValue(created) is null) group.SetValue(created, Create(group.PropertyType));
        return created;
    }

    /// <summary>The value in <paramref name="section"/>.</summary>
    public object? Get(object section) => Property.GetValue(Holder(section));

    /// <summary>Fills the property in <paramref name="section"/>.</summary>
    public void Set(object section, object? value) => Property.SetValue(Holder(section), value);

    private static IEnumerable<ConfigKey> Of(Type section, IReadOnlyList<PropertyInfo> groups)
    {
        var properties = section.GetProperties(BindingFlags.Instance | BindingFlags.Public);
        foreach (var property in properties.OrderBy(BaseFirst).ThenBy(p => p.MetadataToken))
        {
            if (property.IsDefined(typeof(FlattenedAttribute)))
                foreach (var key in Of(property.PropertyType, [.. groups, property])) yield return key;
            else if (property.GetCustomAttribute<KeyAttribute>() is { } attribute)
                yield return new ConfigKey(SnakeCase.Of(property.Name), property, groups, attribute);
        }
    }

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

/// <summary>C#'s names as a YAML file writes them.</summary>
internal static class SnakeCase
{
    /// <summary>"LearningRate" → "learning_rate", "RouterZLossCoef" → "router_z_loss_coef", "Beta1" → "beta1".</summary>
    public static string Of(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
