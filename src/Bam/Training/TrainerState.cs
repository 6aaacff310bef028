using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Files;
using Bam.Models;

namespace Bam.Training;

/// <summary>
/// Where a run stands: <c>trainer_state.json</c> of a checkpoint. With the parameters and the moments it is all that resuming
/// needs.
/// </summary>
internal sealed record TrainerState
{
    public const string FileName = "trainer_state.json";

    /// <summary>The version of this form.</summary>
    public const int CurrentFormat = 1;

    internal static readonly JsonSerializerOptions Options = new(JsonRecord.Options) { WriteIndented = true };

    private const string Hint = "go on from another checkpoint";

    /// <summary>The version of the form of the file.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The steps done; the next one is step s = this.</summary>
    [JsonRequired]
    public long Step { get; init; }

    /// <summary>The tokens trained on.</summary>
    [JsonRequired]
    public long Tokens { get; init; }

    /// <summary>Seconds inside training steps × threads, without evaluation, saving and loading.</summary>
    [JsonRequired]
    public double CoreSeconds { get; init; }

    /// <summary>Seconds inside training steps.</summary>
    [JsonRequired]
    public double StepSeconds { get; init; }

    /// <summary>True: the evaluation after the last step was not done.</summary>
    [JsonRequired]
    public bool EvaluationIsDue { get; init; }

    /// <summary>The sums for the next line of metrics.</summary>
    [JsonRequired]
    public LossWindow Window { get; init; } = new();

    /// <summary>What the run's result depends on.</summary>
    public RunIdentity? Identity { get; init; }

    /// <summary>Reads a checkpoint's state.</summary>
    /// <exception cref="InvalidInputException">It is missing, damaged, of another version or of another checkpoint.</exception>
    public static TrainerState Load(string checkpoint)
    {
        var path = Path.Combine(checkpoint, FileName);
        var json = InputFile.ReadAllBytes(path, Hint);
        var version = JsonRecord.Parse<Version>(json, path, Hint, Options);
        if (version.Format != CurrentFormat)
            throw new InvalidInputException(path, $"format {CurrentFormat}", $"{version.Format}", "use the Bam that wrote it");
        var state = JsonRecord.Parse<TrainerState>(json, path, Hint, Options);
        if (CheckpointStore.StepOf(checkpoint) is { } named ? named != state.Step : state.Step < 0)
        {
            throw new InvalidInputException(
                $"{path}: key 'step'",
                CheckpointStore.StepOf(checkpoint) is { } step ? $"{step}, the step in the checkpoint's name" : "0 or more",
                $"{state.Step}", Hint);
        }

        (string Key, double Value)[] counters =
        [
            ("tokens", state.Tokens), ("core_seconds", state.CoreSeconds), ("step_seconds", state.StepSeconds),
            ("window.steps", state.Window.Steps),
        ];
        if (Array.Find(counters, counter => counter.Value < 0) is { Key: { } key, Value: var value })
            throw new InvalidInputException(
                $"{path}: key '{key}'", "a number of at least 0", string.Create(CultureInfo.InvariantCulture, $"{value}"), Hint);
        return state;
    }

    /// <summary>Refuses a state that no run of these settings can have, at its end or before.</summary>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    internal void RequireOf(string checkpoint, TrainingSettings settings, bool isLast)
    {
        var path = Path.Combine(checkpoint, FileName);
        if (isLast ? Step != settings.TotalSteps : Step > settings.TotalSteps)
            throw new InvalidInputException(
                $"{path}: key 'step'", $"{(isLast ? "" : "at most ")}{settings.TotalSteps}, the run's steps", $"{Step}",
                HintFor(isLast));
        if (Tokens != Step * settings.TokensPerStep)
            throw new InvalidInputException(
                $"{path}: key 'tokens'", $"{Step * settings.TokensPerStep}, those of {Step} steps", $"{Tokens}", HintFor(isLast));
        if (Step > 0 && StepSeconds <= 0)
            throw new InvalidInputException($"{path}: key 'step_seconds'", "more than 0", "0", HintFor(isLast));

        string HintFor(bool isLast) => isLast ? $"remove {checkpoint} to make it again from the last checkpoint" : Hint;
    }

    /// <summary>Writes the state into a checkpoint.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Save(string checkpoint) => AtomicFile.WriteText(Path.Combine(checkpoint, FileName), ToJson(this));

    internal static string ToJson<T>(T value) => JsonSerializer.Serialize(value, Options) + "\n";

    private sealed record Version(int Format);
}

/// <summary>
/// Sums over the steps since the last line of metrics; a part of the state, so that a resumed run's lines are the unbroken run's.
/// </summary>
internal sealed record LossWindow : Losses
{
    /// <summary>No steps.</summary>
    public LossWindow() { }

    private LossWindow(Losses sums)
        : base(sums) { }

    /// <summary>The steps.</summary>
    [JsonRequired, JsonPropertyOrder(-2)]
    public int Steps { get; init; }

    /// <summary>Seconds inside training steps.</summary>
    [JsonRequired]
    public double Seconds { get; init; }

    /// <summary>The window with one more step.</summary>
    internal LossWindow With(StepResult step, double seconds) =>
        new(this + step) { Steps = Steps + 1, Seconds = Seconds + seconds };
}
