using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Files;

namespace Bam.Experiments.Findings;

/// <summary>
/// What an experiment found: <c>results.json</c> in the run's root, the report's single input beside the models' metrics.
/// </summary>
internal sealed record Results
{
    /// <summary>The file name inside a run directory.</summary>
    public const string FileName = "results.json";

    private static readonly JsonSerializerOptions Json = new(JsonRecord.Options)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
        NewLine = "\n",
    };

    /// <summary>The recipe's name.</summary>
    public required string Recipe { get; init; }

    /// <summary>The seed number of this unit of a study; the recipe's <c>random_seed</c> otherwise.</summary>
    public long RandomSeed { get; init; }

    /// <summary>
    /// SHA-256 of all that the figures depend on, machine and libraries aside: equal keys, the same experiment.
    /// </summary>
    public string Key { get; init; } = "";

    /// <summary>
    /// Wall seconds of the phases that were run for it, each counted once; of an interrupted training at least those inside its
    /// steps.
    /// </summary>
    public double Seconds { get; init; }

    /// <summary>When the last phase ended, in UTC.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>The machine that trained and measured.</summary>
    public required MachineDescription Machine { get; init; }

    /// <summary>The domains in the order in which tables show them.</summary>
    public required IReadOnlyList<string> Domains { get; init; }

    /// <summary>The probes in the order in which tables show them; none in most recipes.</summary>
    public IReadOnlyList<string> Probes { get; init; } = [];

    /// <summary>The downstream tasks in the order in which tables show them; none in most recipes.</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];

    /// <summary>The models in the order in which they were made: seed, specialised models, mixtures.</summary>
    public required IReadOnlyList<ModelResult> Models { get; init; }

    /// <summary>The recipe with every default written out, as YAML.</summary>
    public required string ResolvedRecipe { get; init; }

    /// <summary>Reads <c>results.json</c> of a run directory.</summary>
    /// <exception cref="InvalidInputException">The file is missing, is not JSON or lacks a field.</exception>
    public static Results Load(string runDirectory) => LoadFile(Path.Combine(runDirectory, FileName));

    /// <summary>Reads a file that <see cref="SaveFile"/> wrote.</summary>
    /// <exception cref="InvalidInputException">The file is missing, is not JSON or lacks a field.</exception>
    public static Results LoadFile(string path)
    {
        if (!Path.Exists(path))
            throw new InvalidInputException(
                path, "the results of a finished run", "no such file", "run 'bam run RECIPE' to its end first");
        const string hint = "remove the file and run 'bam run RECIPE' again";
        var results = JsonRecord.Load<Results>(path, hint, Json);
        if (Twice(results.Domains) is { } domain)
            throw new InvalidInputException($"{path}: key 'domains': '{domain}' is there twice; {hint}");
        if (Twice(results.Models.Select(model => model.Name)) is { } name)
            throw new InvalidInputException($"{path}: key 'models': '{name}' is there twice; {hint}");
        return results;
    }

    /// <summary>Writes <c>results.json</c> into a run directory.</summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written.</exception>
    public void Save(string runDirectory) => SaveFile(Path.Combine(runDirectory, FileName));

    /// <summary>Writes the results under any name.</summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written.</exception>
    public void SaveFile(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, Json) + "\n");

    private static string? Twice(IEnumerable<string> names) =>
        names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key;
}
