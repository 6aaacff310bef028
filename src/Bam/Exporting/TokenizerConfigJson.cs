using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Bam.Checkpoints;
using Bam.Files;
using Bam.Tokenization;

namespace Bam.Exporting;

/// <summary>
/// Writes <c>tokenizer_config.json</c> for transformers: the special tokens, which padding requires, and the tokenizer class that
/// reads <c>tokenizer.json</c> unchanged for any model type.
/// </summary>
internal static partial class TokenizerConfigJson
{
    private const string Hint = "copy it again";

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Copies the settings of the tokenizer in <paramref name="source"/>, if any, and adds missing ones.</summary>
    /// <exception cref="InvalidInputException">A file of the tokenizer is not a JSON object.</exception>
    public static void Write(string source, ModelConfig config, string directory)
    {
        if (TokenizerFile.Find(source) is not { } tokenizer) return;
        var path = Path.Combine(source, TokenizerFile.SettingsFileName);
        var (text, present) = File.Exists(path)
            ? Read(path, root => (root.GetRawText(), MembersOf(root)))
            : ("{}", []);
        var map = Path.Combine(source, TokenizerFile.SpecialTokensMapFileName);
        if (File.Exists(map))
        {
            foreach (var (name, token) in Read(map, MembersOf)) present.TryAdd(name, token);
        }

        var end = present.GetValueOrDefault("eos_token");
        var missing = Read(tokenizer, root => SettingsOf(root, config, end))
            .Where(setting => setting.Value is not null && !present.ContainsKey(setting.Name))
            .ToList();
        if (missing.Count > 0)
            AtomicFile.WriteText(Path.Combine(directory, TokenizerFile.SettingsFileName), Append(text, missing));
    }

    private static List<(string Name, JsonNode? Value)> SettingsOf(JsonElement tokenizer, ModelConfig config, string? presentEnd)
    {
        var added = TokenizerFile.AddedTokens(tokenizer)
            .Where(token => token.Id < config.VocabSize && TextOf(token.Token, "content") is not null)
            .DistinctBy(token => token.Id)
            .ToDictionary(token => token.Id, token => TextOf(token.Token, "content")!);
        var end = presentEnd ?? OfId(config.EosTokenIds.First) ?? Tokenizer.EndOfTextNames.FirstOrDefault(added.ContainsValue);
        var padding = OfId(config.PadTokenId)
            ?? Known(TextOf(tokenizer, "padding", "pad_token"))
            ?? added.Values.FirstOrDefault(PaddingName().IsMatch)
            ?? end;
        return
        [
            ("tokenizer_class", "PreTrainedTokenizerFast"),
            ("model_input_names", new JsonArray("input_ids", "attention_mask")),
            ("bos_token", OfId(config.BosTokenId)),
            ("eos_token", end),
            ("unk_token", Known(TextOf(tokenizer, "model", "unk_token"))),
            ("pad_token", padding),
        ];

        // transformers would add any other as a new token, for which the model has no row.
        string? OfId(int? id) => id is { } known ? added.GetValueOrDefault(known) : null;
        string? Known(string? token) => token is not null && added.ContainsValue(token) ? token : null;
    }

    // Existing content is kept verbatim.
    private static string Append(string json, List<(string Name, JsonNode? Value)> settings)
    {
        var lines = settings.Select(setting => $"  \"{setting.Name}\": {setting.Value!.ToJsonString(Readable)}");
        var kept = json[..^1].TrimEnd();
        return $"{kept}{(kept == "{" ? "" : ",")}\n{string.Join(",\n", lines)}\n}}\n";
    }

    private static T Read<T>(string path, Func<JsonElement, T> read) =>
        JsonInput.ReadObject(InputFile.ReadAllBytes(path, Hint), path, Hint, read);

    /// <summary>All keys, with the content of those that are tokens.</summary>
    private static Dictionary<string, string?> MembersOf(JsonElement root)
    {
        var members = new Dictionary<string, string?>();
        foreach (var member in root.EnumerateObject())
            members[member.Name] = member.Value.ValueKind == JsonValueKind.String
                ? member.Value.GetString()
                : TextOf(member.Value, "content");
        return members;
    }

    private static string? TextOf(JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element)) return null;
        }

        return element.ValueKind == JsonValueKind.String ? element.GetString() : null;
    }

    // <|pad|>, <pad>, [PAD], <|padding|>, <PAD_TOKEN>, <｜▁pad▁｜>, <|finetune_right_pad_id|> …
    [GeneratedRegex(
        @"^\W*(finetune_right_)?pad(ding)?(_token|_id)?\W*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex PaddingName();
}
