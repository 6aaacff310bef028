using System.Globalization;
using System.Text;
using System.Text.Json;
using Bam.Checkpoints;
using Bam.Files;
using Bam.Tokenization;
using Bam.Tokenization.Models;
using Bam.Tokenization.Pipeline;
using Bam.Tokenization.Unicode;

namespace Bam.Exporting.Gguf;

/// <summary>Converts a tokenizer to GGUF metadata: tokens, token types, merges or scores, and special tokens.</summary>
internal static class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";
    private const string Hint = "copy it again";

    /// <summary>The hint for tokenizers that llama.cpp does not support.</summary>
    internal const string OtherIds =
        "llama.cpp would give other ids; remove the tokenizer from the model, and the file will hold no vocabulary";

    /// <summary>Tokens that llama.cpp recognizes as end of generation by their text, in all versions that read GGUF 3.</summary>
    private static readonly string[] KnownEnds =
        ["<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>"];

    /// <summary>llama.cpp's <c>llama_token_type</c>.</summary>
    private enum LlamaTokenType
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        UserDefined = 4,
        Unused = 5,
        Byte = 6,
    }

    /// <summary>
    /// Adds the metadata of a tokenizer. The model may have more rows than the tokenizer has tokens. Differences in llama.cpp's
    /// behaviour are warned of.
    /// </summary>
    /// <exception cref="InvalidInputException">llama.cpp would encode text differently.</exception>
    public static void Add(GgufMetadata metadata, Tokenizer tokenizer, ModelConfig config, string path, IReporter reporter)
    {
        tokenizer.RequireFits(config.VocabSize, path, reporter, "the file leaves such tokens out");
        tokenizer.RequireRows([.. tokenizer.IdsBefore, .. tokenizer.IdsAfter], config.VocabSize, $"{path}: post_processor");
        switch (tokenizer.Model)
        {
            case CharacterBpe model:
                SentencePieceVocabulary.Add(metadata, Prefix, tokenizer, model, config.VocabSize, path, reporter);
                break;
            default: ByteLevelVocabulary.Add(metadata, Prefix, tokenizer, path, reporter); break;
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

        LlamaTokenType TypeOf(int id)
        {
            if (tokenizer.IdToToken(id) is not { } token) return LlamaTokenType.Unused;
            var isOverCharacters = tokenizer.Model is CharacterBpe;
            if (isOverCharacters && id == tokenizer.Model.UnknownId) return LlamaTokenType.Unknown;
            if (added.TryGetValue(id, out var known)) return known.Special ? LlamaTokenType.Control : LlamaTokenType.UserDefined;
            return isOverCharacters && ByteToken.ValueOf(token) >= 0 ? LlamaTokenType.Byte : LlamaTokenType.Normal;
        }
    }

    private static void AddSpecialTokens(
        GgufMetadata metadata, Tokenizer tokenizer, ModelConfig config, string path, IReporter reporter)
    {
        var (before, after) = (tokenizer.IdsBefore, tokenizer.IdsAfter);
        if (before.Count > 1 || after.Count > 1)
            throw new InvalidInputException(
                $"{path}: post_processor", "at most one token before a text and one after it",
                $"{before.Count} and {after.Count}", "llama.cpp knows no more; shorten the template");
        AddId("bos_token_id", before.Count == 1 ? before[0] : config.BosTokenId);
        AddEnds([.. after.Concat(config.EosTokenIds).Concat(tokenizer.EndOfTextId is { } own ? [own] : []).Distinct()]);
        AddId("unknown_token_id", tokenizer.Model.UnknownId is var unknown and >= 0 ? unknown : null);
        AddId("padding_token_id", config.PadTokenId ?? PaddingOf(tokenizer, Path.GetDirectoryName(path)!));
        metadata.Add($"{Prefix}add_bos_token", before.Count == 1);
        metadata.Add($"{Prefix}add_eos_token", after.Count == 1);
        if ((config.EosTokenIds.First ?? tokenizer.EndOfTextId) is null)
            reporter.Warn(
                $"{path}: no token is known to end a text, and {ModelConfig.FileName} names none (eos_token_id): llama.cpp takes "
                    + "one of its own choice");

        // Besides the first end token, the file can name one more; others work only if llama.cpp recognizes them.
        void AddEnds(int[] ends)
        {
            if (ends.Length == 0) return;
            AddId("eos_token_id", ends[0]);
            var others = ends[1..].Where(id => !KnownEnds.Contains(tokenizer.IdToToken(id))).ToArray();
            AddId("eot_token_id", others.Length > 0 ? others[0] : ends.Length > 1 ? ends[1] : null);
            if (others.Length > 1)
                reporter.Warn(
                    $"{path}: a text ends at "
                        + $"{string.Join(", ", others[1..].Select(id => $"{tokenizer.IdToToken(id) ?? "a token"} (id {id})"))} "
                        + "too, and the file has no place for more than two ends: llama.cpp does not stop there");
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

    // "pad_token" is a string or an object with flags.
    private static int? PaddingOf(Tokenizer tokenizer, string directory)
    {
        var padding = FromSettings(directory, settings =>
            settings.TryGetProperty("pad_token", out var token) && token.ValueKind == JsonValueKind.Object
                ? TextOf(token, "content")
                : TextOf(settings, "pad_token"));
        return padding is null ? null : tokenizer.TokenToId(padding);
    }

    private static string? FromSettings(string directory, Func<JsonElement, string?> read)
    {
        var settings = Path.Combine(directory, TokenizerFile.SettingsFileName);
        return File.Exists(settings) ? JsonInput.ReadObject(InputFile.ReadAllBytes(settings, Hint), settings, Hint, read) : null;
    }

    /// <summary>The chat template of <c>tokenizer_config.json</c>; of several, the one named "default".</summary>
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

/// <summary>Byte-level BPE for llama.cpp: merges by rank and the name of a pre-tokenizer.</summary>
internal static class ByteLevelVocabulary
{
    /// <summary>Adds the vocabulary type, the merges and the pre-tokenizer.</summary>
    /// <exception cref="InvalidInputException">llama.cpp does not support the pre-tokenizer or normalizer.</exception>
    public static void Add(GgufMetadata metadata, string prefix, Tokenizer tokenizer, string path, IReporter reporter)
    {
        if (tokenizer.Normalizer is UnicodeForm { Form: var form } && form == UnicodeNormalization.Nfc)
            reporter.Warn($"{path}: llama.cpp does not normalise text; give it what is in the form NFC, as most text is");
        else if (tokenizer.Normalizer is not null)
            throw new InvalidInputException(
                $"{path}: normalizer", "none, or NFC", "another", GgufVocabulary.OtherIds);

        metadata.Add($"{prefix}model", "gpt2");
        metadata.Add($"{prefix}pre", NameOf(tokenizer.PreTokenizers, tokenizer.Model) ?? throw new InvalidInputException(
            $"{path}: pre_tokenizer", "that of GPT-2, Llama 3, Qwen 2 or GPT-2 with single digits, without a prefix space",
            "another", GgufVocabulary.OtherIds));
        metadata.Add($"{prefix}merges", Merges(tokenizer));
    }

    /// <summary>llama.cpp's name of a pre-tokenizer (<c>llama_vocab_pre_type</c>); null if not supported.</summary>
    private static string? NameOf(IReadOnlyList<PreTokenizer> steps, BpeModel model) => (steps, model.IgnoreMerges) switch
    {
        ([ByteLevel { AddPrefixSpace: false, UseRegex: true }], false) => "gpt-2",
        ([Gpt2Splitter, ByteLevel { AddPrefixSpace: false, UseRegex: false }], false) => "gpt-2",
        ([Digits { Individual: true }, ByteLevel { AddPrefixSpace: false, UseRegex: true }], false) => "smollm",
        ([Llama3Splitter { MaxDigits: 3 }, ByteLevel { AddPrefixSpace: false, UseRegex: false }], true) => "llama-bpe",
        ([Llama3Splitter { MaxDigits: 3 }, ByteLevel { AddPrefixSpace: false, UseRegex: false }], false) => "smaug-bpe",
        ([Llama3Splitter { MaxDigits: 1 }, ByteLevel { AddPrefixSpace: false, UseRegex: false }], false) => "qwen2",
        _ => null,
    };

    private static string[] Merges(Tokenizer tokenizer)
    {
        var merges = tokenizer.Model.Merges.Items;
        var lines = new string[merges.Length];
        for (var rank = 0; rank < merges.Length; rank++)
            lines[rank] = $"{tokenizer.IdToToken(merges[rank].First)} {tokenizer.IdToToken(merges[rank].Second)}";
        return lines;
    }
}

/// <summary>
/// Character-level BPE for llama.cpp, as in SentencePiece: instead of merges, each token has a score, and any two adjacent tokens
/// whose concatenation is a token merge, the best score first. This is equivalent to ranked merges if every way to form a token
/// is listed and the merges that form it have consecutive ranks, as in Llama 2 and Mistral. Other vocabularies are rejected.
/// </summary>
internal static class SentencePieceVocabulary
{
    private const string Space = "▁";
    private const string Hint = GgufVocabulary.OtherIds;

    /// <summary>Adds the vocabulary type and the scores.</summary>
    /// <exception cref="InvalidInputException">Scores cannot represent the tokenizer.</exception>
    public static void Add(
        GgufMetadata metadata, string prefix, Tokenizer tokenizer, CharacterBpe model, int vocabSize, string path,
        IReporter reporter)
    {
        if (!model.ByteFallback || model.IgnoreMerges)
            throw new InvalidInputException(
                $"{path}: model", "bytes for what has no token (byte_fallback), and merges that count", "another BPE", Hint);
        metadata.Add($"{prefix}model", "llama");
        metadata.Add($"{prefix}pre", "default");
        metadata.Add($"{prefix}add_space_prefix", PutsSpaceInFront(tokenizer, path));
        if (tokenizer.PreTokenizers is [Metaspace { Scheme: not PrependScheme.Never }])
            reporter.Warn(
                $"{path}: llama.cpp puts a space in front of every text, also where the tokenizer does not: before a space, or "
                    + "behind a special token");
        metadata.Add($"{prefix}scores", Scores(tokenizer, model, vocabSize, path));
        RequireEveryMerge(tokenizer, model, path);
    }

    private static bool PutsSpaceInFront(Tokenizer tokenizer, string path) =>
        (tokenizer.Normalizer, tokenizer.PreTokenizers) switch
        {
            (NormalizerSequence { Steps: [Prepend { Prefix: Space }, Replace { Content: Space, Literal: " " }] }, []) => true,
            (Replace { Content: Space, Literal: " " }, []) => false,
            (null, [Metaspace { Replacement: Space, Splits: false, Scheme: var scheme }]) => scheme != PrependScheme.Never,
            _ => throw new InvalidInputException(
                $"{path}: normalizer, pre_tokenizer", $"spaces that become {Space} and nothing else", "something else", Hint),
        };

    /// <summary>0 for the result of the first merge, -1 for the next, and so on.</summary>
    private static float[] Scores(Tokenizer tokenizer, CharacterBpe model, int vocabSize, string path)
    {
        var scores = new float[vocabSize];
        var made = new HashSet<int>();
        var last = -1;
        foreach (var merge in model.Merges.Items)
        {
            if (merge.Result == last) continue;
            if (!made.Add(merge.Result))
                throw new InvalidInputException(
                    $"{path}: model.merges", "those that make one token to stand together",
                    $"{tokenizer.IdToToken(merge.Result)} in two places", Hint);
            scores[merge.Result] = 1 - made.Count;
            last = merge.Result;
        }

        return scores;
    }

    private static void RequireEveryMerge(Tokenizer tokenizer, CharacterBpe model, string path)
    {
        var added = tokenizer.AddedTokens.Select(token => token.Id).ToHashSet();
        foreach (var (token, id) in model.Vocabulary.Tokens)
        {
            if (added.Contains(id) || ByteToken.ValueOf(token) >= 0) continue;
            for (var cut = LengthOfRune(token, 0); cut < token.Length; cut += LengthOfRune(token, cut))
            {
                var (left, right) = (model.Vocabulary.IdOf(token.AsSpan(0, cut)), model.Vocabulary.IdOf(token.AsSpan(cut)));
                if (left >= 0 && right >= 0 && !model.Merges.Contains(left, right))
                    throw new InvalidInputException(
                        $"{path}: model.merges", $"'{token[..cut]}' with '{token[cut..]}', whose text together is a token",
                        "no such merge", Hint);
            }
        }
    }

    private static int LengthOfRune(string text, int index) =>
        Rune.TryGetRuneAt(text, index, out var rune) ? rune.Utf16SequenceLength : 1;
}
