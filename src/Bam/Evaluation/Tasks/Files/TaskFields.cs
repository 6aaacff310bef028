using System.Text.Json.Nodes;
using Bam.Evaluation.Tasks.Definitions;

namespace Bam.Evaluation.Tasks.Files;

/// <summary>Makes the items of a task of the rows of its files.</summary>
internal static class TaskFields
{
    private const string HistoryField = "history";

    /// <summary>The fields of a row that a task reads.</summary>
    public static IReadOnlySet<string> NamesIn(TaskDefinition task)
    {
        string?[] templates =
        [
            task.Description, task.Prompt, task.Target, task.Answer, task.Subset, task.FewShot.Prompt, task.FewShot.Answer,
            task.History, .. task.Choices, .. task.Contexts, .. task.Labels,
            .. task.Subsets.Values.SelectMany(change => new[] { change.Description, change.Prompt }),
            .. task.Filters.SelectMany(filter => filter.Steps).Select(step => step.Prepend),
        ];
        var paths = task.Fields.Values.SelectMany(places => places).Concat(task.Items);
        return templates.SelectMany(text => PromptTemplate.Parse(text ?? "").Roots)
            .Concat(paths.SelectMany(path => FieldPath.Parse(path).Roots))
            .Concat(new[] { task.Select?.Field, task.FewShot.Select?.Field }.OfType<string>())
            .ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>The items of rows: their inner items taken out, and the fields under the task's own names.</summary>
    /// <exception cref="InvalidInputException">A row lacks a field of <c>history</c>.</exception>
    public static IReadOnlyList<TaskRow> Items(IEnumerable<TaskRow> rows, TaskDefinition task) =>
        [.. rows.SelectMany(row => Inner(row, task)).Select(row => WithNames(row, task))];

    /// <summary>Those whose number lies in a range; all of them if the first has no such field.</summary>
    /// <exception cref="InvalidInputException">The field holds no whole number.</exception>
    public static IReadOnlyList<TaskRow> Within(IReadOnlyList<TaskRow> rows, RowRange? range)
    {
        if (range is null || rows.Count == 0 || !rows[0].Fields.ContainsKey(range.Field)) return rows;
        var path = FieldPath.Parse(range.Field);
        return [.. rows.Where(row => long.TryParse(FieldText.Of(row.Get(path)), out var number)
            ? number >= range.From && number <= range.To
            : throw new InvalidInputException(
                $"{row.Origin}, field \"{range.Field}\"", "a whole number", FieldText.Of(row.Get(path)) ?? "a list",
                "correct the row or take it out"))];
    }

    private static TaskRow WithNames(TaskRow row, TaskDefinition task)
    {
        var fields = (JsonObject)row.Fields.DeepClone();
        foreach (var (name, paths) in task.Fields)
        {
            foreach (var path in paths)
            {
                if (!FieldPath.Parse(path).TryGet(row.Fields, out var value)) continue;
                fields[name] = value?.DeepClone();
                break;
            }
        }

        return row with { Fields = fields };
    }

    private static IEnumerable<TaskRow> Inner(TaskRow row, TaskDefinition task)
    {
        foreach (var path in task.Items)
        {
            var levels = path.Split("[*]", StringSplitOptions.RemoveEmptyEntries).Select(level => level.TrimStart('.')).ToList();
            if (FieldPath.Parse(levels[0]).TryGet(row.Fields, out var entries) && entries is JsonArray)
                return Inner(row, levels, 0, PromptTemplate.Parse(task.History));
        }

        return [row];
    }

    // The fields of the outer levels stay visible; the list itself does not.
    private static IEnumerable<TaskRow> Inner(TaskRow row, List<string> levels, int depth, PromptTemplate history)
    {
        if (depth == levels.Count)
        {
            yield return row;
            yield break;
        }

        var path = FieldPath.Parse(levels[depth]);
        if (row.Get(path) is not JsonArray entries)
            throw new InvalidInputException($"{row.Origin}, field \"{path}\"", "a list", "another value", "correct the row");
        var (before, list) = ("", path.Roots.First());
        foreach (var (i, entry) in entries.Index())
        {
            var outer = row.Fields.Where(field => field.Key != list);
            var fields = new JsonObject(outer.Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
            foreach (var (name, value) in entry as JsonObject ?? []) fields[name] = value?.DeepClone();
            var inner = new TaskRow(fields, $"{row.Origin} {path}[{i}]");
            if (depth == levels.Count - 1)
            {
                fields[HistoryField] = before;
                before += history.Render(inner);
            }

            foreach (var item in Inner(inner, levels, depth + 1, history)) yield return item;
        }
    }
}
