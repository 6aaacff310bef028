using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Files;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Running;
using Bam.Evaluation.Tasks.Scoring;
using Bam.Experiments.Recipes;
using Bam.Files;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Experiments.Phases;

/// <summary>
/// Measures a model on a downstream task. The answer to each item is kept in <c>items.jsonl</c>; an interrupted phase resumes
/// after the last answer.
/// </summary>
internal sealed class TaskPhase(string model, MeasuredTask task, ModelPhase origin, FileHashes hashes, string device)
    : Phase(
        "task",
        // '@' occurs in no name of a task or a model.
        $"{task.Name}@{model}",
        new TaskSettings { Definition = task.Definition, Limit = task.Limit, Device = device },
        [new("model", origin)],
        FilesOf(task, hashes))
{
    private const string ItemsRole = "items";
    private const string ExamplesRole = "examples";

    private TaskSettings Settings => (TaskSettings)SettingsRecord;

    /// <inheritdoc/>
    public override bool CanContinueIn(PhaseStore store) => true;

    /// <summary>The figures of a finished phase.</summary>
    public TaskScore ScoreIn(PhaseStore store) => store.OutcomeOf(this).Read<TaskScore>();

    /// <summary>The answers of a finished phase.</summary>
    /// <exception cref="InvalidInputException">Their file is missing or damaged.</exception>
    public TaskResult AnswersIn(PhaseStore store) => TaskResult.Of(
        Name, Settings.Definition, ScoreIn(store).FewShot, ItemLog.Load(store.DirectoryOf(this), ItemsRole));

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var task = TaskLibrary.Load(Name, Settings.Definition, PathsOf(Files), Settings.Limit);
        using var programs = Settings.Definition.Kind == TaskKind.Code
            ? ProgramSandbox.Open(context.Cancellation, "allow_code_execution")
            : null;
        LibTorch.Load();
        var origin = All<ModelPhase>().Single();
        var checkpoint = origin.ModelIn(context.Store);
        using var model = ModelCheckpoint.Load(checkpoint, Device.Parse(Settings.Device), context.Reporter, withGradients: false);
        var directory = ModelPath.Of(checkpoint).Base;
        var tokenizer = Tokenizer.Load(directory);
        tokenizer.RequireFits(model.Config.VocabSize, checkpoint, context.Reporter);
        var answers = new LanguageTaskModel(model, tokenizer, TaskEncoding.Of(tokenizer, directory, model.Config));
        using var log = ItemLog.Open(context.Directory, ItemsRole);
        var result = new TaskRunner(task, answers, origin.Key, programs, log)
            .Run(Title, context.Reporter, context.Cancellation);
        return JsonSerializer.SerializeToNode(TaskScore.Of(result, ChanceLevel.Of(task)), JsonRecord.Options)!.AsObject();
    }

    /// <summary>The files of a task, by which <see cref="PathsOf"/> finds them again.</summary>
    internal static IReadOnlyList<PhaseFiles> FilesOf(MeasuredTask task, FileHashes hashes)
    {
        var (items, examples) = TaskData.InputsOf(task.Definition, task.Paths);
        return task.Paths.FewShot is { } path
            ? [Files(ItemsRole, task.Paths.Items, items), Files(ExamplesRole, path, examples)]
            : [Files(ItemsRole, task.Paths.Items, items)];

        PhaseFiles Files(string role, string path, IReadOnlyList<TaskInput> inputs) =>
            new(role, [path], hashes.OfAll(inputs.Select(input => (input.Path, input.Reading))));
    }

    /// <summary>The data of a task among a phase's files.</summary>
    internal static TaskPaths PathsOf(IReadOnlyList<PhaseFiles> files) => new(
        files.First(file => file.Role == ItemsRole).Paths[0],
        files.FirstOrDefault(file => file.Role == ExamplesRole)?.Paths[0]);
}

/// <summary>The settings of a <see cref="TaskPhase"/>.</summary>
internal sealed record TaskSettings
{
    /// <summary>The task, with what the recipe changes.</summary>
    public required TaskDefinition Definition { get; init; }

    /// <summary>Only so many items of each subset; null for all.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required int? Limit { get; init; }

    /// <summary>"auto", "cpu" or "cuda:N"; not part of the phase's key.</summary>
    [JsonIgnore]
    public required string Device { get; init; }
}
