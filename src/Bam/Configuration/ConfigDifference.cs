using System.Collections;

namespace Bam.Configuration;

/// <summary>The first key in which two records of one type would compute something else.</summary>
/// <param name="Key">The key, "data[1].weight".</param>
/// <param name="First">Its value in the first record, as the resolved file writes it; "nothing" when absent.</param>
/// <param name="Second">Its value in the second.</param>
internal sealed record ConfigDifference(string Key, string First, string Second)
{
    /// <summary>Compares key by key, skipping keys with <see cref="KeyAttribute.ChangesResult"/> off; null when none differs.</summary>
    public static ConfigDifference? Between<T>(T first, T second) where T : class => Section(first, second, "");

    private static ConfigDifference? Section(object first, object second, string path) =>
        ConfigKey.Of(first.GetType()).Where(k => k.Attribute.ChangesResult)
            .Select(k => Value(k.Get(first), k.Get(second), path.Length == 0 ? k.Name : $"{path}.{k.Name}"))
            .FirstOrDefault(d => d is not null);

    private static ConfigDifference? Value(object? first, object? second, string path)
    {
        if (Equals(first, second)) return null;
        if (first is null || second is null || first is string or ValueType or InlineValue) return Leaf(first, second, path);
        if (first is IDictionary a && second is IDictionary b)
            return a.Keys.Cast<string>().Union(b.Keys.Cast<string>())
                .Select(k => Value(a.Contains(k) ? a[k] : null, b.Contains(k) ? b[k] : null, $"{path}.{k}"))
                .FirstOrDefault(d => d is not null);
        if (first is not IEnumerable x || second is not IEnumerable y) return Section(first, second, path);
        var (left, right) = (x.Cast<object>().ToArray(), y.Cast<object>().ToArray());
        return Enumerable.Range(0, Math.Max(left.Length, right.Length))
            .Select(i => Value(left.ElementAtOrDefault(i), right.ElementAtOrDefault(i), $"{path}[{i}]"))
            .FirstOrDefault(d => d is not null);
    }

    private static ConfigDifference Leaf(object? first, object? second, string path) => new(path, Text(first), Text(second));

    private static string Text(object? value) => ConfigWriter.Node(value)?.ToString() ?? "nothing";
}
