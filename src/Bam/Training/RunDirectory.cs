using System.Globalization;
using Bam.Configuration;
using Bam.Files;

namespace Bam.Training;

/// <summary>
/// A run's directory, locked while this is alive: <c>config.resolved.yaml</c>, <c>identity.json</c>, <c>metrics.jsonl</c>,
/// <c>events/</c> (TensorBoard), <c>checkpoints/step-N/</c>, with several processes <c>ranks/rank-R.log</c>, and, at the end,
/// <c>model/</c>.
/// </summary>
internal sealed class RunDirectory : IDisposable
{
    /// <summary>The configuration's file name.</summary>
    public const string ConfigFileName = "config.resolved.yaml";

    private readonly DirectoryLock? held;

    private RunDirectory(string path, DirectoryLock? held)
    {
        Path = path;
        this.held = held;
        Checkpoints = CheckpointsIn(path);
    }

    public string Path { get; }

    /// <summary>The checkpoints to resume from.</summary>
    public CheckpointStore Checkpoints { get; }

    /// <summary>The configuration with every default written out.</summary>
    public string ConfigPath => System.IO.Path.Combine(Path, ConfigFileName);

    /// <summary>The configuration of a checkpoint's run, RUN/model or RUN/checkpoints/step-N; null if it has none.</summary>
    /// <exception cref="InvalidInputException">The configuration is damaged.</exception>
    public static TrainingConfig? ConfigOf(string checkpoint)
    {
        var run = Directory.GetParent(System.IO.Path.GetFullPath(checkpoint))?.FullName;
        if (run is not null && !File.Exists(System.IO.Path.Combine(run, ConfigFileName)))
            run = Directory.GetParent(run)?.FullName;
        return run is not null && System.IO.Path.Combine(run, ConfigFileName) is var config && File.Exists(config)
            ? ConfigFile.Read<TrainingConfig>(config)
            : null;
    }

    /// <summary>True if a run has its result; its directory need not exist.</summary>
    internal static bool IsFinished(string path) => Directory.Exists(ModelIn(path));

    /// <summary>The models of a run, newest first: its result and its checkpoints. Its directory need not exist.</summary>
    public static IEnumerable<string> ModelsIn(string path)
    {
        IEnumerable<string> models = [ModelIn(path), .. CheckpointsIn(path).Newest];
        return models.Where(model => File.Exists(System.IO.Path.Combine(model, TrainerState.FileName)));
    }

    /// <summary>What the run's result depends on besides the configuration.</summary>
    public string IdentityPath => System.IO.Path.Combine(Path, "identity.json");

    /// <summary>The metrics, one JSON object per line.</summary>
    public string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");

    /// <summary>TensorBoard's event files.</summary>
    public string EventsPath => System.IO.Path.Combine(Path, "events");

    /// <summary>The trained model, once the run is done.</summary>
    public string ModelPath => ModelIn(Path);

    /// <summary>What a process other than the first has to say.</summary>
    public string LogOf(int rank) =>
        System.IO.Path.Combine(Path, "ranks", $"rank-{rank.ToString(CultureInfo.InvariantCulture)}.log");

    /// <summary>For the other processes of a run: the directory that the first one has opened, to read from.</summary>
    public static RunDirectory Follow(TrainingConfig config) => new(config.Output, held: null);

    /// <summary>Locks the directory, refuses it when another run is there, and records this one.</summary>
    /// <exception cref="InvalidInputException">Another process or run is there; names the first difference.</exception>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public static RunDirectory Open(TrainingConfig config, RunIdentity identity)
    {
        var run = new RunDirectory(config.Output, DirectoryLock.Acquire(config.Output));
        try
        {
            var before = run.CheckSameRun(config, identity);
            run.Checkpoints.RemoveLeftovers();
            AtomicFile.WriteText(run.ConfigPath, ConfigWriter.Write(config));
            // A deleted start keeps its recorded hash.
            (identity with { ModelSha256 = identity.ModelSha256 ?? before?.ModelSha256 }).Save(run.IdentityPath);
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    public void Dispose() => held?.Dispose();

    private static string ModelIn(string path) => System.IO.Path.Combine(path, "model");

    private static CheckpointStore CheckpointsIn(string path) => new(System.IO.Path.Combine(path, "checkpoints"));

    /// <summary>Refuses another run.</summary>
    /// <returns>The identity of the run that is there, or null.</returns>
    private RunIdentity? CheckSameRun(TrainingConfig config, RunIdentity identity)
    {
        foreach (var directory in new[] { Checkpoints.Directory, ModelPath, EventsPath })
            OutputPath.RequireKind(directory, FileKind.Directory);
        string[] ours = [Checkpoints.Directory, ModelPath, MetricsPath, EventsPath, IdentityPath];
        var found = ours.FirstOrDefault(System.IO.Path.Exists);
        if (!System.IO.Path.Exists(ConfigPath))
        {
            return found is null
                ? null
                : throw new InvalidInputException(
                    $"{found}: is there already, without the config.resolved.yaml of a run to go on with; choose another output");
        }

        var recorded = RecordedConfig();
        if (ConfigDifference.Between(recorded, config) is { } difference)
            throw new InvalidInputException(
                $"{Path}: holds a run of another configuration: '{difference.Key}' was {difference.First}, is "
                + $"{difference.Second}; "
                + "choose another output or restore the key");
        if (found is null && InputFile.ReadAllText(ConfigPath, "it was there a moment ago") != ConfigWriter.Write(recorded))
            throw new InvalidInputException(
                $"{ConfigPath}: was not written by Bam, and would be overwritten; give it another name, or choose another "
                + "output");
        var before = System.IO.Path.Exists(IdentityPath) ? RunIdentity.Load(IdentityPath) : null;
        if (before?.DifferenceTo(identity) is { } other)
            throw new InvalidInputException($"{Path}: holds a run with {other}; choose another output or restore it");
        return before;
    }

    private TrainingConfig RecordedConfig()
    {
        try
        {
            return ConfigFile.Read<TrainingConfig>(ConfigPath);
        }
        catch (InvalidInputException e)
        {
            throw new InvalidInputException(
                $"{e.Message}; the run's own record is damaged: restore it, or choose another output", e);
        }
    }
}
