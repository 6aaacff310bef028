using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>
/// A checkpoint's <c>generation_config.json</c>: how libraries generate with the model. Bam reads which tokens end a text and
/// which one pads; the other settings go along as they are.
/// </summary>
internal static class GenerationSettings
{
    public const string FileName = "generation_config.json";

    private const string EndsKey = "eos_token_id";
    private const string PaddingKey = "pad_token_id";
    private const string Hint = "copy it again or remove it";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The path of a checkpoint's settings, or null where it has none.</summary>
    public static string? Find(string checkpointDirectory)
    {
        var path = Path.Combine(checkpointDirectory, FileName);
        return File.Exists(path) ? path : null;
    }

    /// <summary>Copies a checkpoint's settings, if any, into an existing directory, as <see cref="AddTo"/> does.</summary>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    /// <exception cref="WorkFailedException">It cannot be written.</exception>
    public static void Copy(string checkpointDirectory, ValueList<int> ends, string target)
    {
        var files = new CompanionFiles();
        AddTo(files, checkpointDirectory, ends);
        files.WriteTo(target);
    }

    /// <summary>Adds a checkpoint's settings, if any, to files, with the ids that end a text of the written model.</summary>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    public static void AddTo(CompanionFiles files, string checkpointDirectory, ValueList<int> ends)
    {
        if (Find(checkpointDirectory) is not { } path) return;
        var content = InputFile.ReadAllBytes(path, Hint);
        files.Add(FileName, EndsOf(path).ToHashSet().SetEquals(ends) ? content : WithEnds(content, path, ends));
    }

    /// <summary>
    /// The configuration with the ends of text of both files: libraries stop at those of <c>generation_config.json</c>, where
    /// there is one, and many models name the end of an answer there alone.
    /// </summary>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    internal static ModelConfig Join(ModelConfig config, string checkpointDirectory, IReporter reporter)
    {
        if (Find(checkpointDirectory) is not { } path) return config;
        var fields = Fields(path);
        var ends = fields.TokenIds(EndsKey);
        foreach (var end in ends.Where(end => end < 0 || end >= config.VocabSize).Distinct())
            reporter.Warn($"{path}: {EndsKey} {end} is no token of the model (vocab_size {config.VocabSize}) and ends no text");
        int[] added = [.. ends.Where(end => end >= 0 && end < config.VocabSize).Except(config.EosTokenIds)];
        if (ends.Count > 0 && config.EosTokenIds.Except(ends).ToArray() is { Length: > 0 } missing)
            reporter.Warn(
                $"{path}: {EndsKey} {ends} lacks {string.Join(", ", missing)}, which {ModelConfig.FileName} names; Bam ends a "
                + "text at each of them");
        return config with
        {
            EosTokenIds = added.Length == 0 ? config.EosTokenIds : [.. config.EosTokenIds, .. added],
            PadTokenId = config.PadTokenId ?? fields.TokenId(PaddingKey, config.VocabSize),
        };
    }

    /// <summary>
    /// The first setting that two checkpoints have differently, beside the ends of text; null where there is none, or the second
    /// has no file.
    /// </summary>
    /// <exception cref="InvalidInputException">A file is damaged.</exception>
    internal static string? FirstDifference(string checkpointDirectory, string otherDirectory)
    {
        if (Find(otherDirectory) is not { } path) return null;
        var (settings, others) = (Find(checkpointDirectory) is { } own ? Settings(own) : [], Settings(path));
        return settings.Keys.Concat(others.Keys).FirstOrDefault(key =>
            settings.ContainsKey(key) != others.ContainsKey(key) || !JsonElement.DeepEquals(settings[key], others[key]));

        static OrderedDictionary<string, JsonElement> Settings(string path) =>
            JsonInput.ReadObject(InputFile.ReadAllBytes(path, Hint), path, Hint, OtherSettings);

        static OrderedDictionary<string, JsonElement> OtherSettings(JsonElement root)
        {
            var settings = new OrderedDictionary<string, JsonElement>();
            foreach (var setting in root.EnumerateObject())
            {
                if (setting.Name is not (EndsKey or PaddingKey or "transformers_version" or "_from_model_config"))
                    settings[setting.Name] = setting.Value.Clone();
            }

            return settings;
        }
    }

    private static JsonFields Fields(string path) => new(InputFile.ReadAllText(path, Hint), path);

    private static ValueList<int> EndsOf(string path) => Fields(path).TokenIds(EndsKey);

    private static byte[] WithEnds(byte[] content, string path, ValueList<int> ends)
    {
        var settings = JsonInput.ReadObject(content, path, Hint, root => JsonObject.Create(root)!);
        settings[EndsKey] = ends is [var only] ? only : new JsonArray([.. ends.Select(id => (JsonNode)id)]);
        return Encoding.UTF8.GetBytes(settings.ToJsonString(Indented) + "\n");
    }
}
