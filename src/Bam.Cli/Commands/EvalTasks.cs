using System.CommandLine;
using Bam.Checkpoints.Opening;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Files;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Running;
using Bam.Evaluation.Tasks.Scoring;
using Bam.Files;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Cli.Commands;

/// <summary>Measures models on downstream tasks.</summary>
internal sealed class EvalTasks : Verb
{
    private const string ResultsFile = "results.json";

    private readonly Argument<string[]> models = new("MODEL")
    {
        Description = "Checkpoint directories, or BASE+ADAPTER",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> tasks = new("--task")
    {
        Description = "NAME=FILE, NAME=FILE,EXAMPLES or NAME=FOLDER: a task of Bam or a .yaml file, with its data",
        HelpName = "TASK",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int?> fewShot = new("--few-shot")
    {
        Description = "Number of few-shot examples before each question [default: the task's]",
        HelpName = "N",
    };

    private readonly Option<int?> limit = new("--limit")
    {
        Description = "Only use the first N items of each task or subset, for a trial",
        HelpName = "N",
    };

    private readonly Option<int?> maxTokens = new("--max-tokens")
    {
        Description = "Maximum number of tokens of a generated answer [default: the task's]",
        HelpName = "N",
    };

    private readonly Option<string?> output = new("--output")
    {
        Description = "Directory for results.json and each item's answer; an interrupted run continues there",
        HelpName = "DIR",
    };

    private readonly Option<bool> allowCode = new("--allow-code-execution")
    {
        Description = "Run the programs that the models write, in a sandbox",
    };

    private readonly Option<string> device = DeviceOption.Create();

    public EvalTasks()
        : base(
            "tasks", "Measure models on downstream tasks",
            "bam eval tasks btx bam --task piqa=valid.jsonl mmlu=mmlu gsm8k=test.jsonl,train.jsonl --output results")
    {
        Arguments.Add(models);
        foreach (var option in new Option[] { tasks, fewShot, limit, maxTokens, output, allowCode, device }) Options.Add(option);
    }

    public override int Execute(Invocation invocation)
    {
        var names = invocation.GetRequired(models);
        RequireDifferent("MODEL", [.. names.Select(ModelIdentity.FolderFor)]);
        var directory = invocation.Get(output);
        var options = new TaskOptions(
            AtLeast("--few-shot", invocation.Get(fewShot), 0), AtLeast("--limit", invocation.Get(limit), 1),
            AtLeast("--max-tokens", invocation.Get(maxTokens), 1));
        var given = Array.ConvertAll(invocation.GetRequired(tasks), GivenTask.Parse);
        RequireDifferent("--task", [.. given.Select(task => TaskLibrary.NameOf(task.Name))]);
        if (directory is not null)
        {
            OutputPath.RequireWorkplace(
                directory,
                [.. names.SelectMany(name => ModelPath.Of(name).Directories), .. given.SelectMany(task => task.Inputs)]);
            OutputPath.RequireFile(Path.Combine(directory, ResultsFile), "older results to replace", IsResults, []);
        }

        LibTorch.BeginLoad();
        var loaded = given.Select(task => TaskLibrary.Load(task.Name, task.Paths, options)).ToList();
        RequireEffect(loaded, options);
        RequireAllowed(loaded, invocation);
        var subjects = names.Select(name => Check(name, loaded, invocation)).ToList();

        LibTorch.Load();
        var where = DeviceOption.Of(invocation, device);
        using var programs = loaded.Any(IsCode) ? ProgramSandbox.Open(invocation.Cancellation) : null;
        var results = subjects.Select(subject => Measure(subject, loaded, directory, where, programs, invocation)).ToList();
        var evaluation = new TaskEvaluation(options, results, Differences(results));
        if (directory is not null)
            AtomicFile.WriteText(Path.Combine(directory, ResultsFile), JsonResult.Serialize(evaluation) + "\n");
        invocation.WriteResult(evaluation, console => TaskTable.Write(console, evaluation));
        return ExitStatus.Done;
    }

    private static ModelTasks Measure(
        Subject subject, List<LoadedTask> tasks, string? directory, Device where, ProgramSandbox? programs, Invocation invocation)
    {
        using var model = ModelCheckpoint.Load(subject.Name, where, invocation.Reporter, withGradients: false);
        var answers = new LanguageTaskModel(model, subject.Tokenizer, subject.Encoding);
        var identity = ModelIdentity.Of(subject.Name);
        var results = tasks.Select(task =>
        {
            using var log = directory is null ? null
                : ItemLog.Open(Path.Combine(directory, ModelIdentity.FolderFor(subject.Name)), task.Name);
            var runner = new TaskRunner(task, answers, identity, programs, log);
            return runner.Run($"{task.Name} {subject.Name}", invocation.Reporter, invocation.Cancellation);
        });
        return new(subject.Name, [.. results]);
    }

    // Each further model against the first.
    private static IReadOnlyList<TaskDifference> Differences(List<ModelTasks> models) =>
        [.. models.Skip(1).SelectMany(model => models[0].Tasks.Zip(model.Tasks).SelectMany(pair =>
            pair.First.Figures.Zip(pair.First.DifferencesTo(pair.Second), (figure, difference) => new TaskDifference(
                model.Model, models[0].Model, pair.First.Task, figure.Metric, difference.Value, difference.StandardError,
                difference.PValue))))];

    private static void RequireEffect(List<LoadedTask> loaded, TaskOptions options)
    {
        if (options.FewShot is not null && loaded.Find(task => task.Definition.FewShot.Fixed) is { } task)
            throw new InvalidInputException(
                $"--few-shot has no effect on {task.Name}: the task fixes its examples; leave the option or the task out");
        if (options.MaxTokens is not null && loaded.TrueForAll(one => one.Definition.Kind == TaskKind.MultipleChoice))
            throw new InvalidInputException("--max-tokens has no effect on tasks of multiple choice; leave it out");
    }

    private void RequireAllowed(List<LoadedTask> loaded, Invocation invocation)
    {
        if (loaded.Find(IsCode) is { } task && !invocation.Get(allowCode))
            throw new InvalidInputException(
                $"--task {task.Name}", "--allow-code-execution, because it runs programs that the model writes", "none",
                "add it, or leave the task out");
    }

    // Everything that can be refused is refused before a model is loaded.
    private static Subject Check(string name, List<LoadedTask> tasks, Invocation invocation)
    {
        var config = ModelConfigReader.Load(name, invocation.Reporter);
        var checkpoint = ModelPath.Of(name).Base;
        var tokenizer = Tokenizer.Load(checkpoint);
        tokenizer.RequireFits(config.VocabSize, name, invocation.Reporter);
        foreach (var task in tasks.Where(task => task.Definition.Kind != TaskKind.MultipleChoice))
        {
            if (task.Definition.MaxTokens >= config.LongestInput)
                throw new InvalidInputException(
                    $"{task.Name}, max_tokens", $"fewer than the {config.LongestInput} positions of {name}",
                    $"{task.Definition.MaxTokens}", "give fewer with --max-tokens");
        }

        return new(name, tokenizer, TaskEncoding.Of(tokenizer, checkpoint, config));
    }

    private static bool IsResults(string path) =>
        InputFile.ReadHead(path).StartsWith("{\n  \"options\": {\n    \"few_shot\": ", StringComparison.Ordinal);

    private static bool IsCode(LoadedTask task) => task.Definition.Kind == TaskKind.Code;

    private static int? AtLeast(string option, int? value, int least) =>
        value is null || value >= least
            ? value
            : throw new InvalidInputException(option, $"at least {least}", $"{value}", "change it");

    private static void RequireDifferent(string where, IReadOnlyList<string> names)
    {
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { Key: var twice })
            throw new InvalidInputException(where, "different names", $"{twice} twice", "leave one out");
    }

    private sealed record Subject(string Name, Tokenizer Tokenizer, TaskEncoding Encoding);
}

/// <summary>A value of <c>--task</c>.</summary>
/// <param name="Name">A task of Bam, or the path of a YAML file.</param>
/// <param name="Paths">The data.</param>
internal sealed record GivenTask(string Name, TaskPaths Paths)
{
    /// <summary>The paths that exist.</summary>
    public IEnumerable<string> Inputs => new[] { Name, Paths.Items, Paths.FewShot }.OfType<string>().Where(Path.Exists);

    /// <summary>Reads NAME=FILE, NAME=FILE,EXAMPLES or NAME=FOLDER.</summary>
    /// <exception cref="InvalidInputException">It has no equals sign or no file.</exception>
    public static GivenTask Parse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var files = equals < 0 ? [] : text[(equals + 1)..].Split(',');
        return equals > 0 && files is [{ Length: > 0 }] or [{ Length: > 0 }, { Length: > 0 }]
            ? new(text[..equals], new(files[0], files.ElementAtOrDefault(1)))
            : throw new InvalidInputException(
                "--task", "NAME=FILE, NAME=FILE,EXAMPLES or NAME=FOLDER", text,
                $"known names are {string.Join(", ", TaskLibrary.Names)}");
    }
}

/// <summary>The figures of all models, and their differences from the first one's.</summary>
internal sealed record TaskEvaluation(
    TaskOptions Options, IReadOnlyList<ModelTasks> Models, IReadOnlyList<TaskDifference> Differences);

/// <summary>How much better a model is than the first one; see <see cref="PairedDifference"/>.</summary>
internal sealed record TaskDifference(
    string Model, string Against, string Task, string Metric, double Value, double? StandardError, double? PValue);

/// <summary>The figures of a model.</summary>
internal sealed record ModelTasks(string Model, IReadOnlyList<TaskResult> Tasks);
