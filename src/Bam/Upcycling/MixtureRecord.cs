using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
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

    private static readonly JsonWriterOptions Format = new()
    {
        Indented = true,
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
        // Nodes and not an anonymous type: a mix of small models would spend a tenth of its time on reflection.
        var record = new JsonObject
        {
            ["method"] = plan.Method.Name,
            ["seed"] = Source(options.Seed),
            ["experts"] = ArrayOf(options.Experts, Source),
        };
        if (options.Weights is { } weights) record["weights"] = ArrayOf(weights, weight => weight);
        if (options.AttentionInitialization is not AttentionInitialization.Copy and var start)
            record["attention_init"] = JsonNamingPolicy.KebabCaseLower.ConvertName(start.ToString());
        if (plan.HasRandomNumbers) record["router_seed"] = options.RouterSeed;
        if (options.RouterTexts is { } texts)
        {
            record["router_texts"] = new JsonObject
            {
                ["inputs"] = ArrayOf(texts.Inputs, input => Path.GetFullPath(input)), ["tokens"] = texts.Tokens,
            };
        }

        if (options.ResizeEmbeddings) record["resize_embeddings"] = true;
        record["dtype"] = plan.Dtype.TorchName;
        AtomicFile.Write(Path.Combine(directory, FileName), stream =>
        {
            using (var writer = new Utf8JsonWriter(stream, Format)) record.WriteTo(writer);
            stream.WriteByte((byte)'\n');
        });

        // The path, or an object where adapters were folded in.
        static JsonNode Source(string model)
        {
            var (checkpoint, adapters) = ModelPath.Of(model).Select(Path.GetFullPath);
            return adapters.Count == 0
                ? checkpoint
                : new JsonObject { ["base"] = checkpoint, ["adapters"] = ArrayOf(adapters, adapter => adapter) };
        }

        static JsonArray ArrayOf<T>(IEnumerable<T> items, Func<T, JsonNode> node) => [.. items.Select(node)];
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
