using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Upcycling;

/// <summary>How a mixture was made: <c>upcycling.json</c> beside it, and beside every model that was trained from it.</summary>
internal static class MixtureRecord
{
    public const string FileName = "upcycling.json";

    private const string Hint = "make the mixture again";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The models that a checkpoint was mixed of, trained since or not; null where there is no record.</summary>
    /// <exception cref="InvalidInputException">The record is damaged.</exception>
    public static MixtureOrigin? Read(string checkpoint)
    {
        var path = Path.Combine(checkpoint, FileName);
        return File.Exists(path)
            ? JsonInput.ReadObject(
                InputFile.ReadAllBytes(path, "it was there a moment ago"), path, Hint, root => Read(root, path))
            : null;
    }

    /// <summary>Writes the record of a plan into an existing directory.</summary>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    internal static void Write(MixturePlan plan, string directory)
    {
        var options = plan.Options;
        var record = new
        {
            Method = plan.Method.Name,
            Seed = Source(options.Seed),
            Experts = options.Experts.Select(Source),
            options.Weights,
            AttentionInit = options.AttentionInitialization is not AttentionInitialization.Copy and var start
                ? JsonNamingPolicy.KebabCaseLower.ConvertName(start.ToString())
                : null,
            RouterSeed = plan.HasRandomNumbers ? options.RouterSeed : (long?)null,
            RouterTexts = options.RouterTexts is { } texts
                ? new { Inputs = texts.Inputs.Select(Path.GetFullPath), texts.Tokens }
                : null,
            ResizeEmbeddings = options.ResizeEmbeddings ? true : (bool?)null,
            Dtype = plan.Dtype.TorchName,
        };
        AtomicFile.WriteText(Path.Combine(directory, FileName), JsonSerializer.Serialize(record, Json) + "\n");

        // The path, or an object where adapters were folded in.
        static object Source(string model)
        {
            var (checkpoint, adapters) = ModelPath.Of(model).Select(Path.GetFullPath);
            return adapters.Count == 0 ? checkpoint : new { Base = checkpoint, Adapters = adapters };
        }
    }

    private static MixtureOrigin Read(JsonElement root, string path)
    {
        List<JsonElement> models = root.TryGetProperty("seed", out var seed)
            && root.TryGetProperty("experts", out var experts)
            && experts.ValueKind == JsonValueKind.Array ? [seed, .. experts.EnumerateArray()] : [];
        var sources = models.ConvertAll(SourceOf);
        if (sources.Count == 0 || sources.Contains(null))
            throw new InvalidInputException(path, "paths under 'seed' and 'experts'", "something else", Hint);
        var method = root.TryGetProperty("method", out var name) && name.ValueKind == JsonValueKind.String
            ? name.GetString()
            : null;
        return new(method, [.. sources.Select(source => ExpertNames.NameOf(source!))]);
    }

    private static ModelPath? SourceOf(JsonElement model)
    {
        if (model.ValueKind == JsonValueKind.String) return new(model.GetString()!, []);
        if (model.ValueKind != JsonValueKind.Object
            || !model.TryGetProperty("base", out var checkpoint) || checkpoint.ValueKind != JsonValueKind.String
            || !model.TryGetProperty("adapters", out var list) || list.ValueKind != JsonValueKind.Array)
            return null;
        List<JsonElement> adapters = [.. list.EnumerateArray()];
        return adapters.Exists(adapter => adapter.ValueKind != JsonValueKind.String)
            ? null
            : new(checkpoint.GetString()!, adapters.ConvertAll(adapter => adapter.GetString()!));
    }
}

/// <summary>The models of a mixture by name, the seed first, and the method; null where the record does not name it.</summary>
internal sealed record MixtureOrigin(string? Method, IReadOnlyList<string> Models);

/// <summary>Names of a mixture's experts: the directories of the models that it was made of.</summary>
internal static partial class ExpertNames
{
    /// <summary>A name for each expert, copies of the seed at the end; null where the checkpoint has no record.</summary>
    /// <exception cref="InvalidInputException">The record is damaged.</exception>
    public static IReadOnlyList<string>? Of(string checkpoint, ModelConfig config)
    {
        if (MixtureRecord.Read(checkpoint) is not { Models: var models }) return null;
        var count = Math.Max(config.NumAttentionExperts, config.NumLocalExperts);
        return [.. models, .. Enumerable.Repeat(models[0], Math.Max(0, count - models.Count))];
    }

    /// <summary>The name of a model: that of its directory, or of its adapters.</summary>
    internal static string NameOf(ModelPath model) =>
        model.Adapters.Count == 0 ? NameOf(model.Base) : string.Join('+', model.Adapters.Select(NameOf));

    /// <summary>A name for a model's directory: its folder, or the phase that made it.</summary>
    internal static string NameOf(string model)
    {
        // The folder of 'model' or '.' is that of the full path.
        model = Path.TrimEndingDirectorySeparator(Path.GetFullPath(model));
        var folder = Path.GetFileName(model) is "model" or "adapter" ? Path.GetDirectoryName(model)! : model;
        return RecipePhase().Replace(Path.GetFileName(folder), "${name}");
    }

    // A model that a recipe trained lies in phases/train-NAME-KEY/model.
    [GeneratedRegex("^train-(?<name>.+)-[0-9a-f]{12}$")]
    private static partial Regex RecipePhase();
}

/// <summary>The files of a mixture. Its record distinguishes an older mixture, which is replaced, from other models.</summary>
internal static partial class MixtureFiles
{
    public static OwnFiles Own { get; } = new(
        "an older mixture", IsName, directory => File.Exists(Path.Combine(directory, MixtureRecord.FileName)));

    /// <summary>Whether a mixture has a file of that name, relative to its directory.</summary>
    public static bool IsName(string file) =>
        file is ModelConfig.FileName or GenerationSettings.FileName or MixtureRecord.FileName
        || TokenizerFile.IsName(file)
        || WeightsOrCode().IsMatch(file);

    // The form for transformers has code.
    [GeneratedRegex(@"^(model(-\d+-of-\d+)?\.safetensors(\.index\.json)?|\w+_bam\.py)$")]
    private static partial Regex WeightsOrCode();
}
