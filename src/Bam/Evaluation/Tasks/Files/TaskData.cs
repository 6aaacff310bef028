using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Bam.Evaluation.Tasks.Definitions;

namespace Bam.Evaluation.Tasks.Files;

/// <summary>The items of a task and its examples, by subset.</summary>
/// <param name="Subsets">In the order of the files; one without a name for a task without subsets.</param>
internal sealed record TaskData(IReadOnlyList<TaskSubset> Subsets)
{
    private const string SubsetField = "subset";
    private const string SubsetMark = "{subset}";

    /// <summary>Reads the files of a task: a folder, or a file of items and perhaps one of examples.</summary>
    /// <exception cref="InvalidInputException">A file is missing, damaged or without a field, or the folder has none.</exception>
    public static TaskData Read(TaskDefinition task, TaskPaths paths) =>
        Directory.Exists(paths.Items) ? ReadFolder(task, paths) : ReadFiles(task, paths);

    /// <summary>
    /// The files that <see cref="Read"/> reads: those behind <see cref="TaskPaths.Items"/> and those behind
    /// <see cref="TaskPaths.FewShot"/>.
    /// </summary>
    /// <exception cref="InvalidInputException">A file is missing, or the folder has none.</exception>
    public static (IReadOnlyList<TaskInput> Items, IReadOnlyList<TaskInput> Examples) InputsOf(
        TaskDefinition task, TaskPaths paths)
    {
        if (Directory.Exists(paths.Items))
        {
            var subsets = FilesOfFolder(task, paths).SelectMany(subset => subset.Items.Select(path => Input(path, subset.Name))
                .Concat(subset.Examples.Select(path => Input(path, $"examples of {subset.Name}"))));
            return (WithCompanions(subsets), []);
        }

        var examples = paths.FewShot is { } file ? WithCompanions([Input(file, "")]) : [];
        return (WithCompanions([Input(paths.Items, NameIn(task, paths.Items) ?? "")]), examples);

        TaskInput Input(string path, string role) => new(path, $" {role} as {TaskFile.FormatOf(path)}");

        IReadOnlyList<TaskInput> WithCompanions(IEnumerable<TaskInput> inputs) => [.. inputs.SelectMany(input =>
        {
            TaskFile.Require(input.Path, task);
            return TaskFile.CompanionOf(input.Path, task) is { } companion
                ? new[] { input, new TaskInput(companion, " beside it") }
                : [input];
        })];
    }

    private static TaskData ReadFiles(TaskDefinition task, TaskPaths paths)
    {
        var rows = TaskFields.Items(TaskFile.Read(paths.Items, task), task);
        var examples = paths.FewShot is { } path ? TaskFields.Items(TaskFile.Read(path, task), task) : null;
        var named = NameIn(task, paths.Items);
        var pools = examples?.ToLookup(row => NameOf(task, row, named));
        return new([.. rows.GroupBy(row => NameOf(task, row, named))
            .Select(group => Subset(task, group.Key, [.. group], pools?[group.Key].ToList(), paths.Items))]);
    }

    private static TaskData ReadFolder(TaskDefinition task, TaskPaths paths)
    {
        return new([.. FilesOfFolder(task, paths).Select(files => Subset(
            task, files.Name, RowsOf(files.Items), files.Examples.Count > 0 ? RowsOf(files.Examples) : null, paths.Items))]);

        List<TaskRow> RowsOf(IReadOnlyList<string> all) =>
            [.. all.SelectMany(path => TaskFields.Items(TaskFile.Read(path, task), task))];
    }

    private static List<SubsetFiles> FilesOfFolder(TaskDefinition task, TaskPaths paths)
    {
        if (paths.FewShot is not null)
            throw new InvalidInputException(
                paths.FewShot, "a file of items before the examples", $"the folder {paths.Items}",
                "name two files or one folder");
        foreach (var files in task.Folder)
        {
            var subsets = FilesOf(paths.Items, files.Items)
                .Select(path => (Path: path, Name: NameIn(files.Items, path)))
                .Where(file => task.Subsets.Count == 0 || (file.Name is { } name && task.Subsets.ContainsKey(name)))
                .GroupBy(file => file.Name ?? "", file => file.Path)
                .Select(group => new SubsetFiles(group.Key, [.. group], ExamplesOf(group.Key, files.FewShot))).ToList();
            if (subsets.Count > 0) return subsets;
        }

        var patterns = task.Folder.Select(files => files.Items).ToList();
        throw new InvalidInputException(
            paths.Items, patterns.Count == 0 ? "a file" : $"a folder with {string.Join(" or ", patterns)}",
            patterns.Count == 0 ? "a folder" : "none", $"name a file; the data set is published at {task.Published}");

        IReadOnlyList<string> ExamplesOf(string name, string? pattern) => pattern is null
            ? []
            : FilesOf(paths.Items, pattern.Replace(SubsetMark, name, StringComparison.Ordinal));
    }

    private static TaskSubset Subset(
        TaskDefinition task, string name, IReadOnlyList<TaskRow> rows, IReadOnlyList<TaskRow>? examples, string path)
    {
        var own = task.For(name);
        if (own.FewShot.Select is { } range) examples ??= TaskFields.Within(rows, range);
        if (own.FewShot.Examples.Count > 0)
        {
            examples = [.. own.FewShot.Examples.Select((example, i) =>
            {
                var fields = example.Select(field => KeyValuePair.Create(field.Key, (JsonNode?)field.Value));
                return new TaskRow(new JsonObject(fields), $"example {i + 1}");
            })];
        }

        var items = TaskFields.Within(rows, own.Select);
        if (items.Count == 0)
            throw new InvalidInputException(
                path, $"rows with {own.Select!.Field} {own.Select.From} to {own.Select.To}", "none", "give another file");
        return new(name, own, [.. items.Select(Named)], examples is null ? null : [.. examples.Select(Named)]);

        TaskRow Named(TaskRow row) => name.Length > 0 ? row.With(SubsetField, name) : row;
    }

    private static string NameOf(TaskDefinition task, TaskRow row, string? fileName) =>
        fileName ?? (task.Subset.Length > 0 && PromptTemplate.Parse(task.Subset) is var subset
            && subset.Roots.All(row.Fields.ContainsKey) ? subset.Render(row) : "");

    // Files below a folder that match a pattern such as test/{subset}_test.csv, by path.
    private static List<string> FilesOf(string folder, string pattern) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(path => Pattern(pattern, isEnd: false).IsMatch(Path.GetRelativePath(folder, path)))
            .Order(StringComparer.Ordinal)];

    /// <summary>The subset that the name of a file says; null if it says none.</summary>
    private static string? NameIn(TaskDefinition task, string path) => task.Folder
        .Select(files => NameIn(files.Items, Path.GetFullPath(path))).FirstOrDefault(name => name is not null);

    private static string? NameIn(string pattern, string path) =>
        Pattern(pattern, isEnd: true).Match(path) is { Success: true } match && match.Groups[SubsetField].Success
            ? match.Groups[SubsetField].Value
            : null;

    private static Regex Pattern(string pattern, bool isEnd)
    {
        var inner = Regex.Escape(pattern).Replace("\\{subset}", $"(?<{SubsetField}>[^/]+)", StringComparison.Ordinal)
            .Replace("\\*", "[^/]*", StringComparison.Ordinal);
        return new Regex($"{(isEnd ? "(?:^|/)" : "^")}{inner}$", RegexOptions.CultureInvariant);
    }

    private sealed record SubsetFiles(string Name, IReadOnlyList<string> Items, IReadOnlyList<string> Examples);
}

/// <summary>A part of a task with items of its own.</summary>
/// <param name="Name">Its name; empty for a task without subsets.</param>
/// <param name="Task">The task with what differs in the subset.</param>
/// <param name="Items">The items.</param>
/// <param name="Examples">What few-shot examples are drawn from; null for the items themselves.</param>
internal sealed record TaskSubset(
    string Name, TaskDefinition Task, IReadOnlyList<TaskRow> Items, IReadOnlyList<TaskRow>? Examples);

/// <summary>The files of a task as a user gives them: <c>ITEMS</c> or <c>ITEMS,EXAMPLES</c>.</summary>
internal sealed record TaskPaths(string Items, string? FewShot);

/// <summary>A file of a task.</summary>
/// <param name="Path">The path.</param>
/// <param name="Reading">What its name says beside its content: the subset, and how it is read.</param>
internal sealed record TaskInput(string Path, string Reading);
