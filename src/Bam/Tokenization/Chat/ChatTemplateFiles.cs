using System.Text.Json;
using Bam.Files;

namespace Bam.Tokenization.Chat;

/// <summary>
/// Finds the chat templates of a checkpoint and the special tokens that they write, in the places and the order of transformers:
/// <c>chat_template.jinja</c> and <c>additional_chat_templates/*.jinja</c>, else <c>chat_template</c> of
/// <c>tokenizer_config.json</c>, else <c>chat_template.json</c>.
/// </summary>
internal static class ChatTemplateFiles
{
    public const string FileName = "chat_template.jinja";
    public const string AdditionalDirectory = "additional_chat_templates";
    public const string Extension = ".jinja";
    public const string OldFileName = "chat_template.json";
    public const string SettingsFileName = "tokenizer_config.json";
    public const string SpecialTokensMapFileName = "special_tokens_map.json";
    public const string DefaultName = "default";
    public const string ToolsName = "tool_use";

    private const string Key = "chat_template";
    private const string Hint = "copy it again";

    private static readonly string[] TokenNames =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>
    /// The template of a checkpoint directory, or of the directory of a <c>tokenizer.json</c>: <paramref name="name"/>, else
    /// <c>tool_use</c> for conversations with tools, else <c>default</c>. A name that ends with <c>.jinja</c> is a file.
    /// </summary>
    /// <exception cref="InvalidInputException">There is none, none of that name, or a file is damaged.</exception>
    public static ChatTemplate Load(string path, string? name = null, bool hasTools = false)
    {
        var directory = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        var tokens = SpecialTokens(directory);
        if (name?.EndsWith(Extension, StringComparison.Ordinal) == true)
            return new ChatTemplate(InputFile.ReadAllText(name, "check the path"), name, tokens);
        var found = Find(directory);
        if (found.Count == 0)
        {
            throw new InvalidInputException(
                directory, $"a chat template ({FileName}, or {Key} in {SettingsFileName})", "none",
                "use a model that was trained on conversations, or give a file by --template FILE.jinja");
        }

        var chosen = name ?? (hasTools && found.ContainsKey(ToolsName) ? ToolsName : DefaultName);
        return found.TryGetValue(chosen, out var template)
            ? new ChatTemplate(template.Source, template.Where, tokens)
            : throw new InvalidInputException(
                directory, $"a chat template '{chosen}'", $"only {string.Join(", ", found.Keys.Select(key => $"'{key}'"))}",
                "choose one of them by --template");
    }

    /// <summary>The files that <see cref="Load"/> may read, as far as they exist.</summary>
    public static IReadOnlyList<string> PathsFor(string path)
    {
        var directory = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        var additional = Path.Combine(directory, AdditionalDirectory);
        string[] more = Directory.Exists(additional) ? Directory.GetFiles(additional) : [];
        string[] names = [FileName, OldFileName, SettingsFileName, SpecialTokensMapFileName];
        return
        [
            .. names.Select(file => Path.Combine(directory, file)).Where(File.Exists),
            .. more.Order(StringComparer.Ordinal),
        ];
    }

    private static Dictionary<string, (string Source, string Where)> Find(string directory)
    {
        var found = OfFiles(directory);
        if (found.Count == 0) found = OfSettings(Path.Combine(directory, SettingsFileName));
        return found.Count == 0 ? OfSettings(Path.Combine(directory, OldFileName)) : found;
    }

    private static Dictionary<string, (string Source, string Where)> OfFiles(string directory)
    {
        var found = new Dictionary<string, (string, string)>();
        var main = Path.Combine(directory, FileName);
        if (File.Exists(main)) found[DefaultName] = (InputFile.ReadAllText(main, Hint), main);
        var additional = Path.Combine(directory, AdditionalDirectory);
        if (!Directory.Exists(additional)) return found;
        foreach (var path in Directory.EnumerateFiles(additional, $"*{Extension}").Order(StringComparer.Ordinal))
            found[Path.GetFileNameWithoutExtension(path)] = (InputFile.ReadAllText(path, Hint), path);
        return found;
    }

    // A string, or a list of {name, template}.
    private static Dictionary<string, (string Source, string Where)> OfSettings(string path)
    {
        var found = new Dictionary<string, (string, string)>();
        if (Read(path) is not { } root || !root.TryGetProperty(Key, out var value) || value.ValueKind == JsonValueKind.Null)
            return found;
        if (value.ValueKind == JsonValueKind.String)
        {
            found[DefaultName] = (value.GetString()!, $"{path}, key '{Key}'");
            return found;
        }

        foreach (var entry in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : default)
        {
            if (TextOf(entry, "name") is { } name && TextOf(entry, "template") is { } template)
                found[name] = (template, $"{path}, key '{Key}', template '{name}'");
            else throw Damaged();
        }

        return found.Count > 0 ? found : throw Damaged();

        InvalidInputException Damaged() => new(
            $"{path}, key '{Key}'", "a template, or a list of objects with 'name' and 'template'", JsonInput.Describe(value),
            Hint);
    }

    /// <summary>The special tokens of a directory by their names, such as <c>bos_token</c>.</summary>
    public static IReadOnlyDictionary<string, JsonElement> SpecialTokens(string directory)
    {
        var tokens = new Dictionary<string, JsonElement>();
        foreach (var file in new[] { SettingsFileName, SpecialTokensMapFileName })
        {
            if (Read(Path.Combine(directory, file)) is not { } root) continue;
            foreach (var name in TokenNames)
                if (root.TryGetProperty(name, out var token) && ContentOf(token) is { } content) tokens.TryAdd(name, content);
            if (!root.TryGetProperty("extra_special_tokens", out var extra) || extra.ValueKind != JsonValueKind.Object) continue;
            foreach (var token in extra.EnumerateObject())
                if (ContentOf(token.Value) is { } content) tokens.TryAdd(token.Name, content);
        }

        return tokens;
    }

    private static JsonElement? ContentOf(JsonElement token) =>
        token.ValueKind == JsonValueKind.String ? token
            : token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content)
                && content.ValueKind == JsonValueKind.String ? content
            : null;

    private static JsonElement? Read(string path) =>
        File.Exists(path) ? JsonInput.ReadObject(InputFile.ReadAllBytes(path, Hint), path, Hint, root => root) : null;

    private static string? TextOf(JsonElement entry, string name) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
