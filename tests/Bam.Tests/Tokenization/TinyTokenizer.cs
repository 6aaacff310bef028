using System.Text;
using System.Text.Json.Nodes;
using Bam.Tokenization;
using Bam.Tokenization.Unicode;

namespace Bam.Tests.Tokenization;

/// <summary>
/// Builds a tokenizer.json: the 256 bytes (ids 0 … 255 in byte order), then "th", "the", "Ġthe", then added tokens.
/// </summary>
internal static class TinyTokenizer
{
    /// <summary>The id of "the"; "th" is one less, "Ġthe" one more.</summary>
    public const int The = 257;

    /// <summary>The first id of added tokens.</summary>
    public const int FirstAdded = 259;

    /// <summary>The unchanged file.</summary>
    public static JsonObject Json()
    {
        var vocab = new JsonObject();
        for (var value = 0; value < 256; value++) vocab[ByteAlphabet.LetterOf((byte)value).ToString()] = value;
        vocab["th"] = The - 1;
        vocab["the"] = The;
        vocab["Ġthe"] = The + 1;
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray(),
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocab,
                ["merges"] = new JsonArray(new JsonArray("t", "h"), new JsonArray("th", "e"), new JsonArray("Ġ", "the")),
            },
        };
    }

    /// <summary>
    /// The file with special tokens (&lt;|endoftext|&gt;, then &lt;s&gt; and &lt;p&gt;) and a template that puts the given number
    /// of the last two before a text.
    /// </summary>
    public static JsonObject JsonWithTemplate(int tokens)
    {
        string[] names = ["<s>", "<p>"];
        var json = Json();
        json["added_tokens"] = new JsonArray(
            [.. names.Prepend("<|endoftext|>").Select((name, i) => Special(FirstAdded + i, name))]);
        if (tokens == 0) return json;
        json["post_processor"] = new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(
                [.. names.Take(tokens).Select(name => Piece("SpecialToken", name)), Piece("Sequence", "A")]),
            ["pair"] = new JsonArray(),
            ["special_tokens"] = new JsonObject(names.Select((name, i) => KeyValuePair.Create(name, (JsonNode?)new JsonObject
            {
                ["id"] = name,
                ["ids"] = new JsonArray(FirstAdded + 1 + i),
                ["tokens"] = new JsonArray(name),
            }))),
        };
        return json;

        static JsonObject Special(int id, string content)
        {
            var token = Added(id, content);
            token["special"] = true;
            return token;
        }

        static JsonObject Piece(string kind, string id) => new() { [kind] = new JsonObject { ["id"] = id, ["type_id"] = 0 } };
    }

    public static JsonObject ByteLevel(bool addPrefixSpace = false, bool useRegex = true) => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = addPrefixSpace,
        ["trim_offsets"] = true,
        ["use_regex"] = useRegex,
    };

    public static JsonObject Added(int id, string content) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = false,
    };

    /// <summary>The tokenizer of a changed file.</summary>
    public static Tokenizer With(Action<JsonObject> change)
    {
        var json = Json();
        change(json);
        return Parse(json);
    }

    public static Tokenizer Parse(JsonObject json) => Tokenizer.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), "t.json");

    /// <summary>The tokens of a text as written in the vocabulary, joined by "|".</summary>
    public static string Tokens(this Tokenizer tokenizer, string text) =>
        string.Join('|', tokenizer.Encode(text).Select(tokenizer.IdToToken));
}
