using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Files;

namespace Bam.Experiments.Results;

/// <summary>What a run of a recipe found: <c>results.json</c>, from which the table and the report are made.</summary>
public sealed record ExperimentResults
{
    /// <summary>The file name inside a run's directory.</summary>
    public const string FileName = "results.json";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    };

    /// <summary>The recipe's name.</summary>
    public required string Recipe { get; init; }

    /// <summary>When the run ended.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>What it ran on.</summary>
    public required MachineSummary Machine { get; init; }

    /// <summary>The domains, in the recipe's order.</summary>
    public required IReadOnlyList<string> Domains { get; init; }

    /// <summary>The models: the seed, the experts, then the mixtures, in the recipe's order.</summary>
    public required IReadOnlyList<ModelResult> Models { get; init; }

    /// <summary>What the run was to show, and whether it did.</summary>
    public required IReadOnlyList<Claim> Claims { get; init; }

    /// <summary>The recipe with every default filled in, as YAML.</summary>
    public required string ResolvedRecipe { get; init; }

    /// <summary>The mixture that the others are compared with: the first BTX in the recipe's order; null without one.</summary>
    [JsonIgnore]
    public ModelResult? Reference => Models.FirstOrDefault(model => model.Kind == ModelKinds.Btx);

    /// <summary>Reads <c>results.json</c> of a run's directory.</summary>
    /// <exception cref="InvalidInputException">There is none, or it is not one.</exception>
    public static ExperimentResults Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            throw new InvalidInputException($"{path}: does not exist; a run writes it when its last phase is finished");
        try
        {
            using var stream = File.OpenRead(path);
            return JsonSerializer.Deserialize<ExperimentResults>(stream, Options)
                ?? throw new InvalidInputException(path, "results", "null", "run the recipe again");
        }
        catch (JsonException e)
        {
            throw new InvalidInputException($"{path}: {e.Message}; run the recipe again", e);
        }
    }

    /// <summary>Writes <c>results.json</c> into <paramref name="directory"/>.</summary>
    public void Save(string directory) => AtomicFile.WriteText(Path.Combine(directory, FileName), ToJson());

    /// <summary>The file's text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Options) + "\n";
}
