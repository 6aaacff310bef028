using System.Collections;
using System.Globalization;

namespace Bam.Configuration;

/// <summary>Validates a record that was made in code by the rules of its YAML file.</summary>
/// <param name="name">The record's name in messages, in place of the file and line.</param>
internal sealed class RecordRules(string name)
{
    /// <summary>Checks the range of each key, then the constraints across keys, as <see cref="ConfigFile"/> does.</summary>
    /// <exception cref="InvalidInputException">A value is null or out of range, or a constraint is violated.</exception>
    public static void Check(object record, string name) => new RecordRules(name).Section(record, "");

    private void Section(object section, string path)
    {
        var keys = ConfigKey.Of(section.GetType());
        var groups = keys.SelectMany(key => key.Groups.Take(1)).Distinct().ToList();
        foreach (var group in groups)
            if (group.GetValue(section) is null) throw new InvalidInputException($"{name}: {group.Name} is null; set it");
        foreach (var key in keys)
        {
            var value = key.Get(section);
            if (value is not null || !key.IsNullable) Value(key, SchemaType.Of(key), value, $"{path}{key.Name}");
        }

        foreach (var group in groups) CheckSection(group.GetValue(section));
        CheckSection(section);
    }

    private void Value(ConfigKey key, SchemaType type, object? value, string path)
    {
        if (value is null) throw key.Fault(name, path, type.Expected, "nothing");
        switch (type.Kind)
        {
            case SchemaKind.Section:
                Section(value, $"{path}.");
                break;
            case SchemaKind.List:
                foreach (var (i, item) in ((IEnumerable)value).Cast<object?>().Index())
                    Value(key, type.Item!, item, $"{path}[{i}]");
                break;
            case SchemaKind.Map:
                throw new NotSupportedException($"{path}: no record of the library has a map");
            case SchemaKind.Text when key.Attribute.IsPath && (string)value == "":
                throw key.Fault(name, path, type.Expected, "an empty text");
            default:
                if (!type.Allows(value, key.Attribute)) throw key.Fault(name, path, type.Expected, Describe(value));
                break;
        }
    }

    private void CheckSection(object? section)
    {
        if (section is ICheckedSection checkedSection) checkedSection.Check(new SectionLocation(name, node: null));
    }

    private static string Describe(object value) => $"'{Convert.ToString(value, CultureInfo.InvariantCulture)}'";
}
