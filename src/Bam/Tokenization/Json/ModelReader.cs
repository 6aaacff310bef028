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
        if (field["type"].TextOrNull() is not (null or "BPE")) throw field["type"].Unexpected("\"BPE\"", KnownModels);
        field.RequireKeys(
            "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
            "ignore_merges", "vocab", "merges");
        RequirePlainBpe(field);
        var vocabulary = ReadVocabulary(field["vocab"]);
        var unknownId = field["unk_token"].TextOrNull() is { } unknown ? vocabulary.IdOf(unknown) : -1;
        var byteFallback = field["byte_fallback"].Boolean(false);
        if (isByteLevel && byteFallback)
            throw field["byte_fallback"].Unexpected(
                "false", "the pre-tokenizer ends in ByteLevel, after which there are bytes only");
        if (unknownId < 0) RequireAllBytes(field, vocabulary, isByteLevel, byteFallback);
        var merges = new MergeList([.. field["merges"].Items().Select(merge => ReadMerge(merge, vocabulary))]);
        var (fuseUnknown, ignoreMerges) = (field["fuse_unk"].Boolean(false), field["ignore_merges"].Boolean(false));
        return isByteLevel
            ? new ByteLevelBpe(vocabulary, merges)
                { UnknownId = unknownId, FuseUnknown = fuseUnknown, IgnoreMerges = ignoreMerges }
            : new CharacterBpe(vocabulary, merges, unknownId, byteFallback)
                { FuseUnknown = fuseUnknown, IgnoreMerges = ignoreMerges };
    }

    private static void RequirePlainBpe(JsonField field)
    {
        foreach (var key in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (field[key].TextOrNull() is { Length: > 0 }) throw field[key].Unexpected("null", KnownModels);
        }

        var dropout = field["dropout"];
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
    private static void RequireAllBytes(JsonField field, Vocabulary vocabulary, bool isByteLevel, bool byteFallback)
    {
        if (!isByteLevel && !byteFallback)
            throw field["unk_token"].Unexpected(
                "a token of the vocabulary", "without it, letters that have no token would vanish");
        for (var value = 0; value < 256; value++)
        {
            var token = isByteLevel ? ByteAlphabet.LetterOf((byte)value).ToString() : ByteToken.NameOf((byte)value);
            var occursInUtf8 = value is not (0xC0 or 0xC1 or >= 0xF5);
            if (!occursInUtf8 || vocabulary.IdOf(token) >= 0) continue;
            throw new InvalidInputException(
                field["vocab"].Where, "a token for every byte", $"none for the byte {value:X2} (\"{token}\")",
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
        foreach (var (item, token) in field.Items().Select(item => (item, ReadOne(item))).OrderBy(entry => entry.Item2.Id))
        {
            if (!contents.Add(token.Content)) throw item["content"].Damaged("each added token once");
            var knownId = vocabulary.IdOf(token.Content);
            var expectedId = knownId >= 0 ? knownId : nextId++;
            if (token.Id != expectedId)
                throw item["id"].Unexpected($"{expectedId}", "tokens are numbered by the vocabulary, then in order");
            if (knownId < 0 && !usedIds.Add(token.Id))
                throw item["id"].Damaged("an id of its own", "another token has it");
            tokens.Add(token);
        }

        return tokens;
    }

    private static AddedToken ReadOne(JsonField item)
    {
        item.RequireKeys("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
        var content = item["content"].Text();
        if (content.Length == 0) throw item["content"].Unexpected("a text", "an empty token is in every text; remove it");
        var special = item["special"].Boolean(false);
        return new AddedToken(item["id"].Integer(), content)
        {
            Special = special,
            Normalized = item["normalized"].Boolean(!special),
            SingleWord = item["single_word"].Boolean(false),
            LeftStrip = item["lstrip"].Boolean(false),
            RightStrip = item["rstrip"].Boolean(false),
        };
    }
}
