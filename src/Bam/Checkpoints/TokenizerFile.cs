using System.Text.Json;
using Bam.Files;
using Bam.Tokenization.Chat;
using Bam.Tokenization.Json;

namespace Bam.Checkpoints;

/// <summary>A checkpoint's <c>tokenizer.json</c> as data: enough to compare two and to hold one against a vocabulary.</summary>
internal static class TokenizerFile
{
    public const string FileName = "tokenizer.json";

    private const string Hint = "copy it again";

    /// <summary>The settings that libraries read beside it, the chat template among them.</summary>
    public const string SettingsFileName = ChatTemplateFiles.SettingsFileName;

    /// <summary>The special tokens, where a library before transformers 5 wrote them.</summary>
    public const string SpecialTokensMapFileName = ChatTemplateFiles.SpecialTokensMapFileName;

    /// <summary>The chat template where it has a file of its own.</summary>
    public const string ChatTemplateFileName = ChatTemplateFiles.FileName;

    /// <summary>Chat templates beside the default one.</summary>
    private const string TemplatesDirectory = ChatTemplateFiles.AdditionalDirectory;

    /// <summary>The tokenizer and what belongs to it, its forms for other libraries included: they are copied together.</summary>
    private static readonly string[] FileNames =
    [
        FileName, SettingsFileName, SpecialTokensMapFileName, "added_tokens.json", "tokenizer.model", "vocab.json", "merges.txt",
        ChatTemplateFileName, ChatTemplateFiles.OldFileName,
    ];

    /// <summary>The path of a checkpoint's tokenizer, or null where it has none.</summary>
    public static string? Find(string checkpointDirectory)
    {
        var path = Path.Combine(checkpointDirectory, FileName);
        return File.Exists(path) ? path : null;
    }

    /// <summary>Copies a checkpoint's tokenizer and what belongs to it, as far as they are there.</summary>
    /// <exception cref="InvalidInputException">One cannot be read.</exception>
    /// <exception cref="WorkFailedException">They cannot be written.</exception>
    public static void CopyAll(string checkpointDirectory, string target) =>
        new CompanionFiles().Add(checkpointDirectory, NamesIn(checkpointDirectory)).WriteTo(target);

    /// <summary>The files of a directory that are a tokenizer or belong to one, by their names relative to it.</summary>
    public static IEnumerable<string> NamesIn(string directory)
    {
        var templates = Path.Combine(directory, TemplatesDirectory);
        return FileNames.Where(name => File.Exists(Path.Combine(directory, name)))
            .Concat(
                Directory.Exists(templates)
                    ? Directory.EnumerateFiles(templates).Select(path => Path.GetRelativePath(directory, path)).Where(IsName)
                        .Order(StringComparer.Ordinal)
                    : []);
    }

    /// <summary>Whether a file of that name, relative to a checkpoint, is its tokenizer or belongs to it.</summary>
    public static bool IsName(string name) =>
        FileNames.Contains(name)
            || (Path.GetDirectoryName(name) == TemplatesDirectory && Path.GetExtension(name) == ChatTemplateFiles.Extension);

    /// <summary>The number of ids it can give: the largest one, and one more.</summary>
    /// <exception cref="InvalidInputException">The file is not a tokenizer.</exception>
    public static int CountIds(string path) => Read(path, root => IdsIn(root, path).Max() + 1);

    /// <summary>The added tokens that have no row in a model's embedding, by id.</summary>
    /// <exception cref="InvalidInputException">It is no tokenizer, or has more ids than the model has rows.</exception>
    public static IReadOnlyList<(int Id, string Content)> AddedTokensWithoutRow(string path, int rows) => Read(path, root =>
    {
        var (ids, missing) = (IdsIn(root, path), AddedTokensFrom(root, rows));
        if (ids.Where(id => id >= rows).Except(missing.Select(token => token.Id)).DefaultIfEmpty(-1).Max() is var other and >= 0)
            throw new InvalidInputException(path, $"ids below vocab_size = {rows}", $"id {other}", "it belongs to another model");
        return missing;
    });

    /// <summary>
    /// The first place where two tokenizers differ in the ids that they give, as a path in the file with both values; null where
    /// they are the same. How a version of the library spells a setting does not count, nor truncation and padding.
    /// </summary>
    /// <exception cref="InvalidInputException">One of the files is not JSON.</exception>
    public static (string Place, string First, string Second)? FirstDifference(
        string firstPath, string secondPath, int rows = int.MaxValue) =>
        Compare(firstPath, secondPath, (first, second) => TokenizerComparison.FirstDifference(first, second, rows));

    /// <summary>
    /// The first place where two tokenizers that give the same ids make other text of them, or have another template for a pair
    /// of texts.
    /// </summary>
    /// <exception cref="InvalidInputException">One of the files is not JSON.</exception>
    public static (string Place, string First, string Second)? FirstDifferenceInText(string firstPath, string secondPath) =>
        Compare(firstPath, secondPath, TokenizerComparison.FirstDifferenceInText);

    /// <summary>
    /// The first thing that keeps a tokenizer from being the extension of another, as a place with both values: the lowest id
    /// with another token, an added token or a merge that has changed, or another component. Null where all tokens of the first
    /// have the same ids in the extension, which may have more.
    /// </summary>
    /// <exception cref="InvalidInputException">One of the files is not JSON.</exception>
    public static (string Place, string First, string Second)? FirstConflict(string path, string extensionPath) =>
        Read(path, first => Read(extensionPath, second => TokenizerComparison.FirstConflict(first, second)));

    /// <summary>Reads the content of a tokenizer.</summary>
    /// <exception cref="InvalidInputException">The file is not JSON, or has an id that no tokenizer has.</exception>
    internal static T Read<T>(string path, Func<JsonElement, T> read) => Read(InputFile.ReadAllBytes(path, Hint), path, read);

    private static T Read<T>(byte[] json, string path, Func<JsonElement, T> read) => JsonInput.ReadObject(
        json, path, Hint, root =>
    {
        RequireSensibleIds(root, path);
        return read(root);
    });

    /// <summary>
    /// Every id that has a token: a vocabulary maps tokens to ids (BPE), or lists tokens by id (Unigram); added tokens have
    /// theirs beside it.
    /// </summary>
    internal static Dictionary<int, string> TokensById(JsonElement root)
    {
        var tokens = Vocabulary(root);
        foreach (var (id, token) in AddedTokens(root)) tokens[id] = ContentOf(token);
        return tokens;
    }

    private static string ContentOf(JsonElement token) =>
        token.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String ? content.GetString()! : "";

    private static Dictionary<int, string> Vocabulary(JsonElement root)
    {
        var tokens = new Dictionary<int, string>();
        if (root.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.Object
            && model.TryGetProperty("vocab", out var vocabulary))
        {
            if (vocabulary.ValueKind == JsonValueKind.Array)
            {
                foreach (var token in vocabulary.EnumerateArray()) tokens[tokens.Count] = token.GetRawText();
            }
            else if (vocabulary.ValueKind == JsonValueKind.Object)
            {
                foreach (var token in vocabulary.EnumerateObject())
                {
                    if (token.Value.ValueKind == JsonValueKind.Number && token.Value.TryGetInt32(out var id))
                        tokens[id] = token.Name;
                }
            }
        }

        return tokens;
    }

    /// <summary>The entries of <c>added_tokens</c> that have an id.</summary>
    internal static IEnumerable<(int Id, JsonElement Token)> AddedTokens(JsonElement root)
    {
        if (!root.TryGetProperty("added_tokens", out var added) || added.ValueKind != JsonValueKind.Array) yield break;
        foreach (var token in added.EnumerateArray())
        {
            if (IdOf(token) is { } id) yield return (id, token);
        }
    }

    /// <summary>The id of an entry of <c>added_tokens</c>; null where it has none.</summary>
    internal static int? IdOf(JsonElement token) =>
        token.ValueKind == JsonValueKind.Object && token.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.Number
            && id.TryGetInt32(out var number) ? number : null;

    /// <summary>The added tokens from an id on that the vocabulary proper does not have as well, by id.</summary>
    internal static IReadOnlyList<(int Id, string Content)> AddedTokensFrom(JsonElement root, int rows)
    {
        var beyond = AddedTokens(root).Where(token => token.Id >= rows).DistinctBy(token => token.Id).OrderBy(token => token.Id)
            .ToList();
        if (beyond.Count == 0) return [];
        var vocabulary = Vocabulary(root);
        return [.. beyond.Where(token => !vocabulary.ContainsKey(token.Id)).Select(token => (token.Id, ContentOf(token.Token)))];
    }

    private static void RequireSensibleIds(JsonElement root, string path)
    {
        if (Member(root, "model") is { } model && Member(model, "vocab") is { ValueKind: JsonValueKind.Object } vocabulary)
        {
            foreach (var token in vocabulary.EnumerateObject())
                if (IsBeyond(token.Value)) throw Beyond($"model.vocab, \"{ShortText.Of(token.Name)}\"", token.Value);
        }

        if (Member(root, "added_tokens") is not { ValueKind: JsonValueKind.Array } added) return;
        foreach (var (index, token) in added.EnumerateArray().Index())
            if (Member(token, "id") is { } id && IsBeyond(id)) throw Beyond($"added_tokens[{index}].id", id);

        static bool IsBeyond(JsonElement id) =>
            id.ValueKind == JsonValueKind.Number && id.TryGetDouble(out var number) && number > ModelReader.MaxId;

        InvalidInputException Beyond(string key, JsonElement id) =>
            new($"{path}: {key}", $"an id of at most {ModelReader.MaxId}", JsonInput.Describe(id), Hint);
    }

    private static JsonElement? Member(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member) ? member : null;

    private static Dictionary<int, string>.KeyCollection IdsIn(JsonElement root, string path) =>
        TokensById(root).Keys is { Count: > 0 } ids
        ? ids
        : throw new InvalidInputException($"{path}: model.vocab", "a vocabulary", "none", "is it the right file?");

    private static (string, string, string)? Compare(
        string firstPath, string secondPath, Func<JsonElement, JsonElement, (string, string, string)?> compare)
    {
        var first = InputFile.ReadAllBytes(firstPath, Hint);
        var second = InputFile.ReadAllBytes(secondPath, Hint);
        if (first.AsSpan().SequenceEqual(second)) return null;
        return Read(first, firstPath, a => Read(second, secondPath, b => compare(a, b)));
    }
}
