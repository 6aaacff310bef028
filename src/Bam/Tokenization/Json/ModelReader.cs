using System.Text.Json;
using Bam.Tokenization.Models;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Json;

/// <summary>Reads "model": vocabulary and merges.</summary>
internal static class ModelReader
{
    /// <summary>
    /// The largest accepted id, 64 times those of the largest vocabularies, so that tables by id stay small for an invalid file.
    /// </summary>
    public const int MaxId = (1 << 24) - 1;

    private const string KnownModels = "Bam reads byte-level BPE, and BPE over characters as Llama 2 has it";

    /// <summary>Reads the model; <paramref name="isByteLevel"/> if the pre-tokenizer ends in ByteLevel.</summary>
    /// <exception cref="InvalidInputException">It is not BPE or inconsistent.</exception>
    public static BpeModel Read(JsonField field, bool isByteLevel)
    {
        // Old files omit the type; only BPE has merges.
        if (field.Type.TextOrNull() is not (null or "BPE")) throw field.Type.Unexpected("\"BPE\"", KnownModels);
        var (dropout, unknown) = (field["dropout"], field["unk_token"]);
        var (prefix, suffix) = (field["continuing_subword_prefix"], field["end_of_word_suffix"]);
        var (fuse, fallback, ignore) = (field["fuse_unk"], field["byte_fallback"], field["ignore_merges"]);
        var (vocab, pairs) = (field["vocab"], field.Last("merges"));
        RequirePlainBpe(prefix, suffix, dropout);
        var vocabulary = ReadVocabulary(vocab);
        var unknownId = unknown.TextOrNull() is { } token ? vocabulary.IdOf(token) : -1;
        var byteFallback = fallback.Boolean(false);
        if (isByteLevel && byteFallback)
            throw fallback.Unexpected("false", "the pre-tokenizer ends in ByteLevel, after which there are bytes only");
        if (unknownId < 0 && !isByteLevel && !byteFallback)
            throw unknown.Unexpected("a token of the vocabulary", "without it, letters that have no token would vanish");
        if (unknownId < 0) RequireAllBytes(vocab, vocabulary, isByteLevel);
        var merges = new MergeList([.. pairs.Items().Select(merge => ReadMerge(merge, vocabulary))]);
        var (fuseUnknown, ignoreMerges) = (fuse.Boolean(false), ignore.Boolean(false));
        return isByteLevel
            ? new ByteLevelBpe(vocabulary, merges)
                { UnknownId = unknownId, FuseUnknown = fuseUnknown, IgnoreMerges = ignoreMerges }
            : new CharacterBpe(vocabulary, merges, unknownId, byteFallback)
                { FuseUnknown = fuseUnknown, IgnoreMerges = ignoreMerges };
    }

    private static void RequirePlainBpe(JsonField prefix, JsonField suffix, JsonField dropout)
    {
        foreach (var affix in (ReadOnlySpan<JsonField>)[prefix, suffix])
        {
            if (affix.TextOrNull() is { Length: > 0 }) throw affix.Unexpected("null", KnownModels);
        }

        var isZero = dropout.Element.ValueKind == JsonValueKind.Number && dropout.Element.GetDouble() == 0;
        if (!dropout.IsNull && !isZero) throw dropout.Unexpected("null", "ids must not be random; set it to null");
    }

    private static Vocabulary ReadVocabulary(JsonField field)
    {
        var ids = new Dictionary<string, int>();
        var tokens = new Dictionary<int, string>();
        foreach (var (token, value) in field.Properties())
        {
            var id = value.Integer();
            if (id > MaxId) throw value.Damaged($"an id of at most {MaxId}");
            if (!ids.TryAdd(token, id)) throw value.Damaged("each token once", "it is listed twice");
            if (!tokens.TryAdd(id, token)) throw value.Damaged("an id of its own", $"\"{tokens[id]}\" has it too");
        }

        return new Vocabulary(ids);
    }

    // Bytes without a token would be dropped silently.
    private static void RequireAllBytes(JsonField field, Vocabulary vocabulary, bool isByteLevel)
    {
        for (var value = 0; value < 256; value++)
        {
            var token = isByteLevel ? ByteAlphabet.LetterOf((byte)value).ToString() : ByteToken.NameOf((byte)value);
            var occursInUtf8 = value is not (0xC0 or 0xC1 or >= 0xF5);
            if (!occursInUtf8 || vocabulary.IdOf(token) >= 0) continue;
            throw new InvalidInputException(
                field.Where, "a token for every byte", $"none for the byte {value:X2} (\"{token}\")",
                "text with it could not be encoded");
        }
    }

    // ["a", "b"], or "a b" in files before 2024.
    private static Merge ReadMerge(JsonField field, Vocabulary vocabulary)
    {
        var parts = field.Element.ValueKind == JsonValueKind.String ? field.Text().Split(' ') : field.Texts();
        if (parts is not [var first, var second]) throw field.Damaged("two tokens");
        return new Merge(IdOf(first), IdOf(second), IdOf(first + second));

        int IdOf(string token) => vocabulary.IdOf(token) is var id and >= 0
            ? id
            : throw field.Damaged("tokens of the vocabulary", $"it lacks \"{token}\"");
    }
}

/// <summary>Reads "added_tokens".</summary>
internal static class AddedTokensReader
{
    /// <summary>The added tokens, sorted by id as Hugging Face's tokenizers write and number them.</summary>
    /// <exception cref="InvalidInputException">An id is not the one that Hugging Face's tokenizers would assign.</exception>
    public static IReadOnlyList<AddedToken> Read(JsonField field, Vocabulary vocabulary)
    {
        var tokens = new List<AddedToken>();
        if (field.IsNull) return tokens;
        var contents = new HashSet<string>();
        var usedIds = vocabulary.Tokens.Select(t => t.Value).ToHashSet();
        var nextId = vocabulary.Count;
        foreach (var (id, content, token) in field.Items().Select(ReadOne).OrderBy(entry => entry.Token.Id))
        {
            if (!contents.Add(token.Content)) throw content.Damaged("each added token once");
            var knownId = vocabulary.IdOf(token.Content);
            var expectedId = knownId >= 0 ? knownId : nextId++;
            if (token.Id != expectedId)
                throw id.Unexpected($"{expectedId}", "tokens are numbered by the vocabulary, then in order");
            if (knownId < 0 && !usedIds.Add(token.Id)) throw id.Damaged("an id of its own", "another token has it");
            tokens.Add(token);
        }

        return tokens;
    }

    private static (JsonField Id, JsonField Content, AddedToken Token) ReadOne(JsonField item)
    {
        var (id, content, singleWord) = (item["id"], item["content"], item["single_word"]);
        var (leftStrip, rightStrip) = (item["lstrip"], item["rstrip"]);
        var (normalized, special) = (item["normalized"], item.Last("special"));
        var text = content.Text();
        if (text.Length == 0) throw content.Unexpected("a text", "an empty token is in every text; remove it");
        var isSpecial = special.Boolean(false);
        var token = new AddedToken(id.Integer(), text)
        {
            Special = isSpecial,
            Normalized = normalized.Boolean(!isSpecial),
            SingleWord = singleWord.Boolean(false),
            LeftStrip = leftStrip.Boolean(false),
            RightStrip = rightStrip.Boolean(false),
        };
        return (id, content, token);
    }
}
