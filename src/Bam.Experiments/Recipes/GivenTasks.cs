using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Files;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Running;

namespace Bam.Experiments.Recipes;

/// <summary>A task of a recipe.</summary>
/// <param name="Name">Its name in the recipe.</param>
/// <param name="Definition">The definition, changed as the recipe says.</param>
/// <param name="Paths">The data.</param>
/// <param name="Limit">Only so many items of each subset; null for all.</param>
/// <param name="Models">The models that are measured, in the order of the tables.</param>
internal sealed record MeasuredTask(
    string Name, TaskDefinition Definition, TaskPaths Paths, int? Limit, IReadOnlyList<string> Models);

/// <summary>The downstream tasks of a recipe, and their checks before any work starts.</summary>
internal static class GivenTasks
{
    /// <summary>Reads the definitions; of the data it is only checked that it exists.</summary>
    /// <exception cref="InvalidInputException">
    /// A definition or a file is missing, or a key has no effect; the message names the recipe's line.
    /// </exception>
    public static IReadOnlyList<MeasuredTask> Of(Recipe recipe) =>
        [.. recipe.Tasks.Select(task => Of(recipe, task.Key, task.Value))];

    /// <summary>
    /// Reads all data, builds all prompts and tries the sandbox if there are programs to run, so that no training is in vain.
    /// </summary>
    /// <exception cref="InvalidInputException">Something is missing or invalid; the message names the recipe's line.</exception>
    public static void Check(Recipe recipe)
    {
        foreach (var task in Of(recipe))
        {
            At(recipe, KeyOf(task.Name), () => TaskLibrary.Load(task.Name, task.Definition, task.Paths, task.Limit));
            CheckLength(recipe, task);
            if (task.Definition.Kind == TaskKind.Code)
                At(recipe, KeyOf(task.Name), () =>
                {
                    using var sandbox = ProgramSandbox.Open(CancellationToken.None, "allow_code_execution");
                    return true;
                });
        }
    }

    /// <summary>The seed's configuration, of which the vocabulary need not be known yet.</summary>
    public static ModelConfig SeedOf(Recipe recipe) => recipe.Seed.Checkpoint is { } checkpoint
        ? ModelConfigReader.Load(checkpoint, SilentReporter.Instance)
        : SeedSizes.Of(recipe).For(recipe.Tokenizer.VocabSize, endOfTextId: null);

    private static MeasuredTask Of(Recipe recipe, string name, RecipeTask task)
    {
        var definition = At(recipe, KeyOf(name, "task"), () => TaskLibrary.Load(task.Task ?? name));
        CheckOptions(recipe, name, task, definition);
        var paths = new TaskPaths(task.File, task.Examples);
        if (!Directory.Exists(paths.Items))
            At(recipe, KeyOf(name, "file"), () => TaskFile.Require(paths.Items, definition));
        if (paths.FewShot is { } examples)
            At(recipe, KeyOf(name, "examples"), () => TaskFile.Require(examples, definition));
        string[] models = ["seed", .. recipe.Experts.Keys, .. recipe.Mixtures.Keys];
        return new(
            name,
            new TaskOptions(task.FewShot, task.Limit, task.MaxTokens).ApplyTo(definition),
            paths,
            task.Limit,
            [.. models.Where(model => task.Models?.Contains(model) != false)]);
    }

    private static void CheckOptions(Recipe recipe, string name, RecipeTask task, TaskDefinition definition)
    {
        if (definition.Kind == TaskKind.Code && !task.AllowCodeExecution)
            throw new InvalidInputException(
                GivenFiles.At(recipe, KeyOf(name, "allow_code_execution")),
                "true, because the task runs programs that the models write", "false", "set it, or leave the task out");
        if (definition.Kind == TaskKind.MultipleChoice && task.MaxTokens is not null)
            throw new InvalidInputException(
                $"{GivenFiles.At(recipe, KeyOf(name, "max_tokens"))} has no effect on a task of multiple choice; remove it");
        if (definition.FewShot.Fixed && task.FewShot is not null)
            throw new InvalidInputException(
                $"{GivenFiles.At(recipe, KeyOf(name, "few_shot"))} has no effect: the task fixes its examples; remove it");
    }

    // A generated answer needs positions behind its prompt.
    private static void CheckLength(Recipe recipe, MeasuredTask task)
    {
        if (task.Definition.Kind == TaskKind.MultipleChoice) return;
        var seed = SeedOf(recipe);
        if (task.Definition.MaxTokens < seed.LongestInput) return;
        throw new InvalidInputException(
            GivenFiles.At(recipe, KeyOf(task.Name, "max_tokens")),
            $"fewer than the {seed.LongestInput} positions of the models (max_position_embeddings)",
            $"{task.Definition.MaxTokens}",
            recipe.Seed.Checkpoint is null ? "give fewer, or more positions in 'model'" : "give fewer");
    }

    private static string KeyOf(string task, string? key = null) => key is null ? $"tasks.{task}" : $"tasks.{task}.{key}";

    private static void At(Recipe recipe, string key, Action check) => At(recipe, key, () =>
    {
        check();
        return true;
    });

    private static T At<T>(Recipe recipe, string key, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidInputException e)
        {
            throw new InvalidInputException($"{GivenFiles.At(recipe, key)}: {e.Message}", e);
        }
    }
}
