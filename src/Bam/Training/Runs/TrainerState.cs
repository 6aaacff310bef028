using System.Text.Json;
using Bam.Files;

namespace Bam.Training.Runs;

/// <summary>
/// Where a run stands: <c>trainer_state.json</c> of a checkpoint. With the parameters and the moments it is all that resuming needs.
/// </summary>
public sealed record TrainerState
{
    /// <summary>The file name inside a checkpoint.</summary>
    public const string FileName = "trainer_state.json";

    /// <summary>The version of this form.</summary>
    public const int CurrentFormat = 1;

    internal static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>The version of the form of the file.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The steps done; the next one is step s = this.</summary>
    public long Step { get; init; }

    /// <summary>The tokens trained on.</summary>
    public long Tokens { get; init; }

    /// <summary>Seconds inside training steps × threads, without evaluation, saving and loading.</summary>
    public double CoreSeconds { get; init; }

    /// <summary>Seconds inside training steps.</summary>
    public double StepSeconds { get; init; }

    /// <summary>True: the evaluation after the last step was not done.</summary>
    public bool EvaluationIsDue { get; init; }

    /// <summary>What the next line of metrics has so far.</summary>
    public LossWindow Window { get; init; } = new();

    /// <summary>What the run's result depends on.</summary>
    public RunIdentity? Identity { get; init; }

    /// <summary>Reads a checkpoint's state.</summary>
    /// <exception cref="InvalidInputException">The file is missing or not such a state.</exception>
    public static TrainerState Load(string checkpoint)
    {
        var path = Path.Combine(checkpoint, FileName);
        try
        {
            var state = JsonSerializer.Deserialize<TrainerState>(File.ReadAllBytes(path), Options);
            if (state?.Format == CurrentFormat) return state;
            throw new InvalidInputException(path, $"format {CurrentFormat}", $"{state?.Format}", "use the Bam that wrote it");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new InvalidInputException($"{path}: cannot be read as a trainer's state ({e.Message.ReplaceLineEndings(" ")})", e);
        }
    }

    /// <summary>Writes the state into a checkpoint.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Save(string checkpoint) => AtomicFile.WriteText(Path.Combine(checkpoint, FileName), ToJson(this));

    internal static string ToJson<T>(T value) => JsonSerializer.Serialize(value, Options) + "\n";
}
