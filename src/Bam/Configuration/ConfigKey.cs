using System.Reflection;
using System.Runtime.CompilerServices;

namespace Bam.Configuration;

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
