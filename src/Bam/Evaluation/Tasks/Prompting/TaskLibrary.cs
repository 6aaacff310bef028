using System.Reflection;
using Bam.Configuration;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Files;

namespace Bam.Evaluation.Tasks.Prompting;

/// <summary>The tasks that come with Bam, and those of a user's YAML files.</summary>
internal static class TaskLibrary
{
    private const string Prefix = "Bam.Tasks.";
    private const string Ending = ".yaml";

    private static readonly Assembly Resources = typeof(TaskLibrary).Assembly;

    /// <summary>The names of the tasks that come with Bam.</summary>
    public static IReadOnlyList<string> Names =>
        [.. Resources.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Ending, StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..^Ending.Length]).Order(StringComparer.Ordinal)];

    /// <summary>Reads a task: one that comes with Bam by its name, or a YAML file.</summary>
    /// <exception cref="InvalidInputException">There is no such task, or the file is not one.</exception>
    public static TaskDefinition Load(string name)
    {
        if (IsFile(name)) return ConfigFile.Read<TaskDefinition>(name);
        using var stream = Resources.GetManifestResourceStream(Prefix + name + Ending)
            ?? throw new InvalidInputException(
                $"--task {name}", $"one of {string.Join(", ", Names)}, or the path of a .yaml file", name,
                "correct the name");
        using var text = new StreamReader(stream);
        return ConfigFile.Parse<TaskDefinition>(text.ReadToEnd(), $"tasks/{name}{Ending}");
    }

    /// <summary>True for the path of a YAML file, false for the name of a task of Bam.</summary>
    public static bool IsFile(string name) => name.EndsWith(Ending, StringComparison.Ordinal) || name.Contains('/');

    /// <summary>The name of a task in results.</summary>
    public static string NameOf(string name) =>
        name.EndsWith(Ending, StringComparison.Ordinal) ? Path.GetFileNameWithoutExtension(name) : name;

    /// <summary>Reads a task and its files, and builds its prompts.</summary>
    /// <param name="name">See <see cref="Load(string)"/>.</param>
    /// <param name="paths">The files.</param>
    /// <param name="options">What the user wants otherwise.</param>
    /// <exception cref="InvalidInputException">
    /// There is no such task, a file is missing or damaged or lacks a field, or there are too few examples.
    /// </exception>
    public static LoadedTask Load(string name, TaskPaths paths, TaskOptions options) =>
        Load(NameOf(name), options.ApplyTo(Load(name)), paths, options.Limit);

    /// <summary>Reads the files of a task and builds the prompts of the first items of each subset, of all without a
    /// limit.</summary>
    /// <exception cref="InvalidInputException">
    /// A file is missing or damaged or lacks a field, or there are too few examples.
    /// </exception>
    public static LoadedTask Load(string name, TaskDefinition task, TaskPaths paths, int? limit) =>
        new(name, task, [.. TaskData.Read(task, paths).Subsets
            .Select(subset => new LoadedSubset(subset.Name, subset.Task, TaskPrompts.Build(subset, limit)))]);
}

/// <summary>What a user wants otherwise than the tasks say.</summary>
/// <param name="FewShot">The number of examples, for tasks that do not fix it.</param>
/// <param name="Limit">Only so many items of each subset.</param>
/// <param name="MaxTokens">The most tokens that are generated.</param>
internal sealed record TaskOptions(int? FewShot = null, int? Limit = null, int? MaxTokens = null)
{
    /// <summary>The task as the user wants it; a number of examples holds for its subsets, too.</summary>
    public TaskDefinition ApplyTo(TaskDefinition task)
    {
        task = task with { MaxTokens = MaxTokens ?? task.MaxTokens };
        return FewShot is not { } count || task.FewShot.Fixed ? task : task with
        {
            FewShot = task.FewShot with { Count = count },
            Subsets = task.Subsets.ToDictionary(subset => subset.Key, subset => subset.Value with { FewShot = null }),
        };
    }
}

/// <summary>A task with its items.</summary>
/// <param name="Name">The name in results.</param>
/// <param name="Definition">What the file declares.</param>
/// <param name="Subsets">At least one.</param>
internal sealed record LoadedTask(string Name, TaskDefinition Definition, IReadOnlyList<LoadedSubset> Subsets);

/// <summary>A subset with its prompts.</summary>
internal sealed record LoadedSubset(string Name, TaskDefinition Task, IReadOnlyList<TaskItem> Items);
