using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Files;

namespace Bam.Experiments.Phases;

/// <summary>
/// The phases of a run on disk: <c>phases/{kind}-{name}-{key prefix}/</c>, each with <c>phase.json</c> (its inputs, written
/// when it starts) and <c>done.json</c> (its outcome, written when it ends).
/// </summary>
internal sealed class PhaseStore(string runDirectory)
{
    /// <summary>The folder of the phases in the run's root.</summary>
    public const string FolderName = "phases";

    private const int KeyDigits = 12;
    private const string InputsFile = "phase.json";
    private const string OutcomeFile = "done.json";
    private static readonly JsonSerializerOptions Records = JsonRecord.Options;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>The run's root.</summary>
    public string RunDirectory { get; } = Path.GetFullPath(runDirectory);

    /// <summary>True where a phase was begun.</summary>
    internal bool HasAny
    {
        get
        {
            var folder = Path.Combine(RunDirectory, FolderName);
            return Directory.Exists(folder)
                && Directory.EnumerateDirectories(folder).Any(phase => File.Exists(Path.Combine(phase, InputsFile)));
        }
    }

    /// <summary>Where that phase's outputs are, or will be.</summary>
    public string DirectoryOf(Phase phase) =>
        Path.Combine(RunDirectory, FolderName, $"{Prefix(phase)}{phase.Key[..KeyDigits]}");

    /// <summary>The outcome of a finished phase; false when it is not finished.</summary>
    /// <exception cref="InvalidInputException">Its file is damaged.</exception>
    public bool TryGetOutcome(Phase phase, [NotNullWhen(true)] out PhaseOutcome? outcome)
    {
        outcome = null;
        var file = Path.Combine(DirectoryOf(phase), OutcomeFile);
        if (!Path.Exists(file)) return false;
        var done = JsonRecord.Load<Done>(file, PhaseOutcome.Hint, Records);
        if (done.Key != phase.Key) return false;
        outcome = new PhaseOutcome(file, done.Seconds, done.Result);
        return true;
    }

    /// <summary>The outcome of a phase that must be finished by now.</summary>
    /// <exception cref="InvalidOperationException">It is not.</exception>
    public PhaseOutcome OutcomeOf(Phase phase) =>
        TryGetOutcome(phase, out var outcome) ? outcome : throw new InvalidOperationException($"{phase} is not finished");

    /// <summary>True when the phase was begun with exactly these inputs and not finished.</summary>
    public bool IsInterrupted(Phase phase) =>
        File.Exists(Path.Combine(DirectoryOf(phase), InputsFile)) && !TryGetOutcome(phase, out _);

    /// <summary>
    /// Makes the phase's directory ready for an attempt: as it was left when the phase can continue, else without what the phase
    /// wrote.
    /// </summary>
    /// <exception cref="InvalidInputException">There is a file to remove that is not Bam's: it is named, and nothing was
    /// removed.</exception>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public string Begin(Phase phase)
    {
        var directory = DirectoryOf(phase);
        if (!phase.CanContinueIn(this))
            OwnFiles.InRun(file => file is InputsFile or OutcomeFile || phase.IsOutput(file)).Clear(directory);
        AtomicFile.WriteText(Path.Combine(directory, InputsFile), phase.Inputs.ToJson().ToJsonString(Indented) + "\n");
        return directory;
    }

    /// <summary>Marks the phase as finished, by an attempt of so many wall seconds.</summary>
    public void Finish(Phase phase, double seconds, JsonObject result)
    {
        var outcome = new JsonObject
        {
            ["key"] = phase.Key,
            ["finished"] = DateTimeOffset.UtcNow.ToString("O", CultureInfo.InvariantCulture),
            ["seconds"] = Math.Round(seconds, 3),
            ["result"] = result.DeepClone(),
        };
        AtomicFile.WriteText(Path.Combine(DirectoryOf(phase), OutcomeFile), outcome.ToJsonString(Indented) + "\n");
    }

    /// <summary>The inputs of the newest phase of that kind and name under another key; null when there is none.</summary>
    public JsonObject? PreviousInputs(Phase phase)
    {
        var parent = Path.Combine(RunDirectory, FolderName);
        if (!Directory.Exists(parent)) return null;
        var prefix = Prefix(phase);
        return Directory.EnumerateDirectories(parent, $"{prefix}*")
            .Where(path => path != DirectoryOf(phase) && Path.GetFileName(path).Length == prefix.Length + KeyDigits)
            .Select(path => Path.Combine(path, InputsFile))
            .Where(File.Exists)
            .OrderByDescending(File.GetLastWriteTimeUtc)
            .Select(Read)
            .FirstOrDefault(inputs => inputs is not null);
    }

    private static string Prefix(Phase phase) => phase.Kind == phase.Name ? $"{phase.Kind}-" : $"{phase.Kind}-{phase.Name}-";

    private static JsonObject? Read(string path)
    {
        try
        {
            var bytes = InputFile.ReadAllBytes(path, "it was there a moment ago");
            return JsonNode.Parse(bytes, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject;
        }
        catch (Exception e) when (e is InvalidInputException or JsonException)
        {
            return null;
        }
    }

    private sealed record Done(string Key, double Seconds, JsonElement Result);
}

/// <summary>What a finished phase left in <c>done.json</c>.</summary>
/// <param name="File">The file.</param>
/// <param name="Seconds">Wall time of the attempt that finished it.</param>
/// <param name="Result">What the phase returned.</param>
internal sealed record PhaseOutcome(string File, double Seconds, JsonElement Result)
{
    internal const string Hint = "remove the file to run the phase again";

    private static readonly JsonSerializerOptions SnakeCase = JsonRecord.Options;

    /// <summary>The result as a record.</summary>
    /// <param name="options">How it was written; by default with names in snake_case.</param>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public T Read<T>(JsonSerializerOptions? options = null) =>
        JsonRecord.Read<T>(Result, $"{File}: key 'result'", Hint, options ?? SnakeCase);

    /// <summary>The result by name, with an entry for each of <paramref name="names"/>.</summary>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public IReadOnlyDictionary<string, T> ReadByName<T>(IEnumerable<string> names)
    {
        var found = Read<Dictionary<string, T>>();
        return names.FirstOrDefault(name => !found.ContainsKey(name)) is { } missing
            ? throw new InvalidInputException($"{File}: key 'result.{missing}' is missing; {Hint}")
            : found;
    }
}
