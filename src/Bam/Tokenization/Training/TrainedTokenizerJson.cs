using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Files;
using Bam.Tokenization.Pipeline;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Training;

/// <summary>Writes a trained tokenizer in the format of Hugging Face's tokenizers (version 1.0).</summary>
internal static class TrainedTokenizerJson
{
    /// <summary>
    /// The content of tokenizer.json. The trailing line break, which Hugging Face's tokenizers do not write, identifies files of
    /// Bam.
    /// </summary>
    public static byte[] Write(
        BpeTrainerOptions options, IReadOnlyList<string> tokens, IEnumerable<(int First, int Second)> merges)
    {
        using var stream = new MemoryStream();
        // Do not escape characters such as Ġ: the file is not embedded in HTML.
        var layout = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, layout))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            WriteNode(json, "added_tokens", AddedTokens(options.SpecialTokens));
            WriteNode(json, "normalizer", Normalizer(options.Style));
            WriteNode(json, "pre_tokenizer", PreTokenizer(options.Style));
            WriteNode(json, "post_processor", null);
            WriteNode(json, "decoder", ByteLevel(addPrefixSpace: true, useRegex: true));
            WriteModel(json, tokens, merges);
            json.WriteEndObject();
        }

        stream.Write("\n"u8);
        return stream.ToArray();
    }

    /// <summary>
    /// True if a tokenizer.json is identical to the output of <see cref="Write"/> for its settings, vocabulary and merges.
    /// </summary>
    public static bool IsOne(string path)
    {
        byte[] content;
        Tokenizer tokenizer;
        try
        {
            content = InputFile.ReadAllBytes(path, "");
            tokenizer = Tokenizer.Parse(content, path);
        }
        catch (InvalidInputException)
        {
            return false;
        }

        var tokens = Enumerable.Range(0, tokenizer.VocabSize).Select(tokenizer.IdToToken).OfType<string>().ToList();
        if (tokens.Count < tokenizer.VocabSize) return false;
        var specialTokens = tokenizer.AddedTokens.Select(token => token.Content).ToList();
        var letters = ByteAlphabet.Ordered.Select(letter => letter.ToString()).ToList();
        if (!tokens.Skip(specialTokens.Count).Take(letters.Count).SequenceEqual(letters)) return false;
        List<(int First, int Second)> merges = [];
        foreach (var merge in tokenizer.Model.Merges.Items) merges.Add((merge.First, merge.Second));
        return Enum.GetValues<TokenizerStyle>().Any(style => content.AsSpan().SequenceEqual(
            Write(
                new BpeTrainerOptions { VocabSize = tokens.Count, SpecialTokens = specialTokens, Style = style }, tokens,
                merges)));
    }

    private static void WriteNode(Utf8JsonWriter json, string name, JsonNode? node)
    {
        json.WritePropertyName(name);
        if (node is null)
            json.WriteNullValue();
        else
            node.WriteTo(json);
    }

    private static JsonArray AddedTokens(IReadOnlyList<string> contents) =>
        new([.. contents.Select((content, id) => new JsonObject
        {
            ["id"] = id,
            ["content"] = content,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = true,
        })]);

    private static JsonObject? Normalizer(TokenizerStyle style) =>
        style is TokenizerStyle.Cohere or TokenizerStyle.GptNeoX ? new JsonObject { ["type"] = "NFC" } : null;

    private static JsonObject PreTokenizer(TokenizerStyle style) => style switch
    {
        TokenizerStyle.Llama3 => Sequence(Llama3Split(), ByteLevel(addPrefixSpace: false, useRegex: false)),
        TokenizerStyle.Cohere => Sequence(IndividualDigits(), ByteLevel(addPrefixSpace: false, useRegex: true)),
        TokenizerStyle.GptNeoX => ByteLevel(addPrefixSpace: true, useRegex: true),
        _ => ByteLevel(addPrefixSpace: false, useRegex: true),
    };

    private static JsonObject Sequence(params JsonNode[] steps) =>
        new() { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(steps) };

    private static JsonObject IndividualDigits() => new() { ["type"] = "Digits", ["individual_digits"] = true };

    private static JsonObject Llama3Split() => new()
    {
        ["type"] = "Split",
        ["pattern"] = new JsonObject { ["Regex"] = Llama3Splitter.PatternFor(maxDigits: 3) },
        ["behavior"] = nameof(SplitBehavior.Isolated),
        ["invert"] = false,
    };

    private static JsonObject ByteLevel(bool addPrefixSpace, bool useRegex) => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = addPrefixSpace,
        ["trim_offsets"] = true,
        ["use_regex"] = useRegex,
    };

    private static void WriteModel(
        Utf8JsonWriter json, IReadOnlyList<string> tokens, IEnumerable<(int First, int Second)> merges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        foreach (var key in (ReadOnlySpan<string>)["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"])
            json.WriteNull(key);
        foreach (var key in (ReadOnlySpan<string>)["fuse_unk", "byte_fallback", "ignore_merges"])
            json.WriteBoolean(key, false);
        json.WriteStartObject("vocab");
        for (var id = 0; id < tokens.Count; id++) json.WriteNumber(tokens[id], id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (first, second) in merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(tokens[first]);
            json.WriteStringValue(tokens[second]);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
