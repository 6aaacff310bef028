using Bam.Tokenization.Models;

namespace Bam.Tokenization.Json;

/// <summary>Reads "model": vocabulary and merges.</summary>
internal static class ModelReader
{
    // Beyond it a damaged file would have the tables by id fill the memory.
    private const int MaxId = (1 << 24) - 1;

    /// <summary>The vocabulary, the merges in order and the model.</summary>
    /// <exception cref="InvalidInputException">It is no byte-level BPE, or contradicts itself.</exception>
    public static (Vocabulary Vocabulary, ByteLevelBpe Model) Read(JsonField field)
    {
        field.RequireKeys(
            "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
            "ignore_merges", "vocab", "merges");
        // Old files leave the type out; merges are BPE's alone.
        if (field["type"].TextOrNull() is not (null or "BPE")) throw field["type"].Unexpected("BPE", "Bam reads byte-level BPE only");
        if (field["dropout"] is { IsNull: false } dropout && !(dropout.Element.TryGetDouble(out var p) && p == 0))
            throw dropout.Unexpected("null", "ids must not be random; set it to null");
        if (field["byte_fallback"].Boolean(false))
            throw field["byte_fallback"].Unexpected("false", "SentencePiece-like BPE is not supported");
        foreach (var key in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (field[key].TextOrNull() is { Length: > 0 }) throw field[key].Unexpected("null", "byte-level BPE has none");
        }

        var vocabulary = ReadVocabulary(field["vocab"]);
        var unknownId = field["unk_token"].TextOrNull() is { } unknown ? vocabulary.IdOf(unknown) : -1;
        if (unknownId < 0) RequireAllBytes(field, vocabulary);
        var merges = new MergeList([.. field["merges"].Items().Select(merge => ReadMerge(merge, vocabulary))]);
        var model = new ByteLevelBpe(
            vocabulary, merges, field["ignore_merges"].Boolean(false), unknownId, field["fuse_unk"].Boolean(false));
        return (vocabulary, model);
    }

    /// <summary>The two parts of a merge: ["a", "b"], or "a b" in files before 2024.</summary>
    public static (string First, string Second) PartsOf(JsonField merge)
    {
        var parts = merge.Element.ValueKind == System.Text.Json.JsonValueKind.String
            ? merge.Text().Split(' ')
            : [.. merge.Items().Select(part => part.Text())];
        return parts is [var first, var second]
            ? (first, second)
            : throw merge.Unexpected("two tokens", "restore the file from its source");
    }

    private static Vocabulary ReadVocabulary(JsonField field)
    {
        var ids = new Dictionary<string, int>();
        var tokens = new Dictionary<int, string>();
        foreach (var (token, value) in field.Properties())
        {
            var id = value.Integer();
            if (id > MaxId) throw value.Unexpected($"an id of at most {MaxId:N0}", "restore the file from its source");
            if (!ids.TryAdd(token, id)) throw value.Unexpected("each token once", "the token is listed twice; restore the file from its source");
            if (!tokens.TryAdd(id, token))
                throw value.Unexpected("an id of its own", $"\"{tokens[id]}\" has it too; restore the file from its source");
        }

        return new Vocabulary(ids);
    }

    // Without a token for them, bytes would vanish from the text without a word.
    private static void RequireAllBytes(JsonField field, Vocabulary vocabulary)
    {
        for (var value = 0; value < 256; value++)
        {
            var occursInUtf8 = value is not (0xC0 or 0xC1 or >= 0xF5);
            if (occursInUtf8 && vocabulary.IdOf([ByteAlphabet.LetterOf((byte)value)]) < 0)
            {
                throw new InvalidInputException(
                    field["vocab"].Where, "a token for every byte", $"none for byte {value:X2} (\"{ByteAlphabet.LetterOf((byte)value)}\")",
                    "text with it could not be encoded; Bam reads byte-level BPE only");
            }
        }
    }

    private static (int First, int Second, int Result) ReadMerge(JsonField field, Vocabulary vocabulary)
    {
        var (first, second) = PartsOf(field);
        return (IdOf(first), IdOf(second), IdOf(first + second));

        int IdOf(string token) => vocabulary.IdOf(token) is var id and >= 0
            ? id
            : throw field.Unexpected($"tokens of the vocabulary, \"{token}\" among them", "the vocabulary lacks it; restore the file from its source");
    }
}
