using System.Globalization;
using System.Text.Json;
using Bam.Checkpoints;
using Bam.Files;
using Bam.Tokenization;
using Bam.Tokenization.Models;

namespace Bam.Exporting.Gguf;

/// <summary>A tokenizer as llama.cpp reads it: tokens, what they are, how they are merged, and which steer the model.</summary>
internal static class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";

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
        tokenizer.RequireFits(config.VocabSize, path);
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
        AddId("eos_token_id", after.Count == 1 ? after[0] : config.EosTokenIds.First ?? tokenizer.EndOfTextId);
        AddId("unknown_token_id", tokenizer.Model.UnknownId is var unknown and >= 0 ? unknown : null);
        metadata.Add($"{Prefix}add_bos_token", before.Count == 1);
        metadata.Add($"{Prefix}add_eos_token", after.Count == 1);
        if ((config.EosTokenIds.First ?? tokenizer.EndOfTextId) is null)
            reporter.Warn($"{path}: no token is known to end a text, and {ModelConfig.FileName} names none (eos_token_id): llama.cpp takes one of its own choice");

        void AddId(string key, int? id)
        {
            if (id is { } known) metadata.Add($"{Prefix}{key}", known);
        }
    }

    private static string? ChatTemplate(string directory)
    {
        const string Hint = "copy it again";
        var own = Path.Combine(directory, TokenizerFile.ChatTemplateFileName);
        if (File.Exists(own)) return InputFile.ReadAllText(own, Hint);
        var settings = Path.Combine(directory, TokenizerFile.SettingsFileName);
        return File.Exists(settings) ? JsonInput.ReadObject(InputFile.ReadAllBytes(settings, Hint), settings, Hint, TemplateOf) : null;
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

        static string? TextOf(JsonElement entry, string name) =>
            entry.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
    }
}
