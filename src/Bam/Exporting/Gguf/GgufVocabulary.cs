using System.Globalization;
using System.Text.Json;
using Bam.Checkpoints;
using Bam.Files;
using Bam.Tokenization;
using Bam.Tokenization.Models;
using Bam.Tokenization.Unicode;

namespace Bam.Exporting.Gguf;

/// <summary>A tokenizer as llama.cpp reads it: tokens, what they are, how they are merged, and which steer the model.</summary>
internal static class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";
    private const string Hint = "copy it again";

    /// <summary>Tokens at which llama.cpp stops because of their text, in all its versions that read this format.</summary>
    private static readonly string[] KnownEnds = ["<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>"];

    /// <summary>What a token is (llama.cpp's <c>llama_token_type</c>).</summary>
    private enum TokenType
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        UserDefined = 4,
        Unused = 5,
        Byte = 6,
    }

    /// <summary>Adds the keys of a tokenizer.</summary>
    /// <param name="metadata">Receives them.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="config">The model, which may have more rows than there are tokens.</param>
    /// <param name="path">The tokenizer's file, for messages.</param>
    /// <param name="reporter">Told of what llama.cpp does otherwise.</param>
    /// <exception cref="InvalidInputException">llama.cpp would give other ids.</exception>
    public static void Add(GgufMetadata metadata, Tokenizer tokenizer, ModelConfig config, string path, IReporter reporter)
    {
        tokenizer.RequireFits(config.VocabSize, path, reporter, "the file leaves such tokens out");
        tokenizer.RequireRows([.. tokenizer.IdsBefore, .. tokenizer.IdsAfter], config.VocabSize, $"{path}: post_processor");
        switch (tokenizer.Model)
        {
            case CharacterBpe model: SentencePieceForm.Add(metadata, Prefix, tokenizer, model, config.VocabSize, path, reporter); break;
            default: ByteLevelForm.Add(metadata, Prefix, tokenizer, path, reporter); break;
        }

        AddTokens(metadata, tokenizer, config.VocabSize);
        AddSpecialTokens(metadata, tokenizer, config, path, reporter);
        if (ChatTemplate(Path.GetDirectoryName(path)!) is { } template) metadata.Add("tokenizer.chat_template", template);
    }

    private static void AddTokens(GgufMetadata metadata, Tokenizer tokenizer, int vocabSize)
    {
        var tokens = new string[vocabSize];
        var types = new int[vocabSize];
        var added = tokenizer.AddedTokens.ToDictionary(token => token.Id);
        for (var id = 0; id < vocabSize; id++)
        {
            tokens[id] = tokenizer.IdToToken(id) ?? string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]");
            types[id] = (int)TypeOf(id);
        }

        metadata.Add($"{Prefix}tokens", tokens);
        metadata.Add($"{Prefix}token_type", types);

        TokenType TypeOf(int id)
        {
            if (tokenizer.IdToToken(id) is not { } token) return TokenType.Unused;
            var isOverCharacters = tokenizer.Model is CharacterBpe;
            if (isOverCharacters && id == tokenizer.Model.UnknownId) return TokenType.Unknown;
            if (added.TryGetValue(id, out var known)) return known.Special ? TokenType.Control : TokenType.UserDefined;
            return isOverCharacters && ByteToken.ValueOf(token) >= 0 ? TokenType.Byte : TokenType.Normal;
        }
    }

    private static void AddSpecialTokens(GgufMetadata metadata, Tokenizer tokenizer, ModelConfig config, string path, IReporter reporter)
    {
        var (before, after) = (tokenizer.IdsBefore, tokenizer.IdsAfter);
        if (before.Count > 1 || after.Count > 1)
            throw new InvalidInputException($"{path}: post_processor", "at most one token before a text and one after it", $"{before.Count} and {after.Count}", "llama.cpp knows no more; shorten the template");
        AddId("bos_token_id", before.Count == 1 ? before[0] : config.BosTokenId);
        AddEnds([.. after.Concat(config.EosTokenIds).Concat(tokenizer.EndOfTextId is { } own ? [own] : []).Distinct()]);
        AddId("unknown_token_id", tokenizer.Model.UnknownId is var unknown and >= 0 ? unknown : null);
        AddId("padding_token_id", config.PadTokenId ?? PaddingOf(tokenizer, Path.GetDirectoryName(path)!));
        metadata.Add($"{Prefix}add_bos_token", before.Count == 1);
        metadata.Add($"{Prefix}add_eos_token", after.Count == 1);
        if ((config.EosTokenIds.First ?? tokenizer.EndOfTextId) is null)
            reporter.Warn($"{path}: no token is known to end a text, and {ModelConfig.FileName} names none (eos_token_id): llama.cpp takes one of its own choice");

        // Of the ends beyond the first the file names one; others end a text if llama.cpp knows them.
        void AddEnds(int[] ends)
        {
            if (ends.Length == 0) return;
            AddId("eos_token_id", ends[0]);
            var others = ends[1..].Where(id => !KnownEnds.Contains(tokenizer.IdToToken(id))).ToArray();
            AddId("eot_token_id", others.Length > 0 ? others[0] : ends.Length > 1 ? ends[1] : null);
            if (others.Length > 1)
                reporter.Warn($"{path}: a text ends at {string.Join(", ", others[1..].Select(id => $"{tokenizer.IdToToken(id) ?? "a token"} (id {id})"))} too, and the file has no place for more than two ends: llama.cpp does not stop there");
        }

        void AddId(string key, int? id)
        {
            if (id is { } known && known < config.VocabSize) metadata.Add($"{Prefix}{key}", known);
        }
    }

    private static string? ChatTemplate(string directory)
    {
        var own = Path.Combine(directory, TokenizerFile.ChatTemplateFileName);
        return File.Exists(own) ? InputFile.ReadAllText(own, Hint) : FromSettings(directory, TemplateOf);
    }

    // "pad_token" is the token, or an object with its flags.
    private static int? PaddingOf(Tokenizer tokenizer, string directory)
    {
        var padding = FromSettings(directory, settings => settings.TryGetProperty("pad_token", out var token) && token.ValueKind == JsonValueKind.Object
            ? TextOf(token, "content")
            : TextOf(settings, "pad_token"));
        return padding is null ? null : tokenizer.TokenToId(padding);
    }

    private static string? FromSettings(string directory, Func<JsonElement, string?> read)
    {
        var settings = Path.Combine(directory, TokenizerFile.SettingsFileName);
        return File.Exists(settings) ? JsonInput.ReadObject(InputFile.ReadAllBytes(settings, Hint), settings, Hint, read) : null;
    }

    /// <summary>The template of <c>tokenizer_config.json</c>; of several with names, the default one.</summary>
    private static string? TemplateOf(JsonElement settings)
    {
        if (!settings.TryGetProperty("chat_template", out var template)) return null;
        if (template.ValueKind == JsonValueKind.String) return template.GetString();
        if (template.ValueKind != JsonValueKind.Array) return null;
        return template.EnumerateArray()
            .Where(entry => entry.ValueKind == JsonValueKind.Object && TextOf(entry, "name") == "default")
            .Select(entry => TextOf(entry, "template"))
            .FirstOrDefault();
    }

    private static string? TextOf(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
}
