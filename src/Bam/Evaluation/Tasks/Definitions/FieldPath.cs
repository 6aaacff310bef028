using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bam.Evaluation.Tasks.Definitions;

/// <summary>
/// Where a value lies in a row: <c>question.stem</c>, <c>test_list[0]</c>, <c>choices[*].text</c> (of each entry), or several
/// paths separated by commas, which make a list.
/// </summary>
internal sealed class FieldPath
{
    private readonly string text;
    private readonly IReadOnlyList<IReadOnlyList<Step>> paths;

    private FieldPath(string text, IReadOnlyList<IReadOnlyList<Step>> paths) => (this.text, this.paths) = (text, paths);

    /// <summary>The field at the beginning of each path.</summary>
    public IEnumerable<string> Roots => paths.Select(path => path[0].Name!);

    /// <summary>Reads a path.</summary>
    /// <exception cref="FormatException">It is no path.</exception>
    public static FieldPath Parse(string text) => new(text, [.. text.Split(',').Select(part => StepsOf(part.Trim()))]);

    /// <summary>The value in a row; false if it has no such field.</summary>
    public bool TryGet(JsonObject row, out JsonNode? value)
    {
        value = null;
        if (paths is [var only]) return TryGet(row, only, 0, out value);
        var list = new JsonArray();
        foreach (var path in paths)
        {
            if (!TryGet(row, path, 0, out var entry)) return false;
            list.Add(entry?.DeepClone());
        }

        value = list;
        return true;
    }

    public override string ToString() => text;

    private static bool TryGet(JsonNode? node, IReadOnlyList<Step> steps, int depth, out JsonNode? value)
    {
        value = node;
        for (; depth < steps.Count; depth++)
        {
            var step = steps[depth];
            if (step.IsAll)
            {
                if (value is not JsonArray entries) return false;
                var list = new JsonArray();
                foreach (var entry in entries)
                {
                    if (!TryGet(entry, steps, depth + 1, out var inner)) return false;
                    list.Add(inner?.DeepClone());
                }

                value = list;
                return true;
            }

            if (step.Name is { } name ? value is not JsonObject fields || !fields.TryGetPropertyValue(name, out value)
                : !TryIndex(value, step.Index, out value))
                return false;
        }

        return true;
    }

    private static bool TryIndex(JsonNode? node, int index, out JsonNode? value)
    {
        var found = node is JsonArray entries && index < entries.Count;
        value = found ? ((JsonArray)node!)[index] : null;
        return found;
    }

    private static List<Step> StepsOf(string text)
    {
        var steps = new List<Step>();
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            if (rest[0] == '[')
            {
                var end = rest.IndexOf(']');
                var inside = end < 0 ? "" : rest[1..end].ToString();
                if (inside == "*") steps.Add(new(null, 0, IsAll: true));
                else if (int.TryParse(inside, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
                    steps.Add(new(null, index, IsAll: false));
                else throw new FormatException($"'{text}': expected a number or * in brackets");
                rest = rest[(end + 1)..];
                continue;
            }

            if (steps.Count > 0)
            {
                if (rest[0] != '.') throw new FormatException($"'{text}': expected a dot or a bracket after a field");
                rest = rest[1..];
            }

            var length = rest.IndexOfAny('.', '[');
            if (length < 0) length = rest.Length;
            if (length == 0) throw new FormatException($"'{text}': expected the name of a field");
            steps.Add(new(rest[..length].ToString(), 0, IsAll: false));
            rest = rest[length..];
        }

        return steps is [{ Name: not null }, ..] ? steps : throw new FormatException($"'{text}': expected the name of a field");
    }

    private sealed record Step(string? Name, int Index, bool IsAll);
}

/// <summary>Values of rows as text.</summary>
internal static class FieldText
{
    /// <summary>The text of a value, as Python writes it; null for a list or an object.</summary>
    public static string? Of(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => "None",
        JsonValueKind.String => value.GetValue<string>(),
        JsonValueKind.Number => value.ToJsonString(),
        JsonValueKind.True => "True",
        JsonValueKind.False => "False",
        _ => null,
    };
}
