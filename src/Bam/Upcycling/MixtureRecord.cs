using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Checkpoints;
using Bam.Files;

namespace Bam.Upcycling;

/// <summary>How a mixture was made: <c>upcycling.json</c> beside it, and beside every model that was trained from it.</summary>
internal static class MixtureRecord
{
    /// <summary>The file name inside a checkpoint.</summary>
    public const string FileName = "upcycling.json";

    private const string Hint = "make the mixture again";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>What a checkpoint was mixed of, trained since or not; null when it does not say.</summary>
    /// <param name="checkpoint">The checkpoint's directory.</param>
    /// <exception cref="InvalidInputException">The record is damaged.</exception>
    public static MixtureOrigin? Read(string checkpoint)
    {
        var path = Path.Combine(checkpoint, FileName);
        return File.Exists(path)
            ? JsonInput.ReadObject(InputFile.ReadAllBytes(path, "it was there a moment ago"), path, Hint, root => Read(root, path))
            : null;
    }

    /// <summary>Writes that of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="directory">An existing directory.</param>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    internal static void Write(MixturePlan plan, string directory)
    {
        var options = plan.Options;
        var record = new
        {
            Method = plan.Method.Name,
            Seed = Path.GetFullPath(options.Seed),
            Experts = options.Experts.Select(Path.GetFullPath),
            options.Weights,
            AttentionInit = options.AttentionInitialization is not AttentionInitialization.Copy and var start
                ? JsonNamingPolicy.KebabCaseLower.ConvertName(start.ToString())
                : null,
            RouterSeed = plan.HasRandomNumbers ? options.RouterSeed : (long?)null,
            RouterTexts = options.RouterTexts is { } texts ? new { Inputs = texts.Inputs.Select(Path.GetFullPath), texts.Tokens } : null,
            ResizeEmbeddings = options.ResizeEmbeddings ? true : (bool?)null,
            Dtype = plan.Dtype.TorchName,
        };
        AtomicFile.WriteText(Path.Combine(directory, FileName), JsonSerializer.Serialize(record, Json) + "\n");
    }

    private static MixtureOrigin Read(JsonElement root, string path)
    {
        if (root.TryGetProperty("seed", out var seed) && root.TryGetProperty("experts", out var experts) && experts.ValueKind == JsonValueKind.Array)
        {
            var models = experts.EnumerateArray().Prepend(seed).ToList();
            if (models.TrueForAll(model => model.ValueKind == JsonValueKind.String))
            {
                var method = root.TryGetProperty("method", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
                return new(method, [.. models.Select(model => ExpertNames.NameOf(model.GetString()!))]);
            }
        }

        throw new InvalidInputException(path, "paths under 'seed' and 'experts'", "something else", Hint);
    }
}
