using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Tests.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

/// <summary>
/// Two files that different versions of the library wrote for one tokenizer are the same; two that give other ids are not.
/// </summary>
public sealed class TokenizerComparisonTests : IDisposable
{
    private const string Template = """
        {"type":"TemplateProcessing",
         "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
         "pair":[{"SpecialToken":{"id":"<s>","type_id":0}},
                  {"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
         "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}}
        """;

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(
        "pre_tokenizer", """{"type":"Metaspace","replacement":"▁","add_prefix_space":true}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""")]
    [InlineData(
        "pre_tokenizer", """{"type":"Metaspace","replacement":"▁","str_rep":"▁","add_prefix_space":false}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":true}""")]
    [InlineData(
        "pre_tokenizer",
        """{"type":"Metaspace","replacement":"▁","add_prefix_space":true,"prepend_scheme":"first","split":false}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}""")]
    [InlineData(
        "pre_tokenizer", """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false}""",
        """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""")]
    [InlineData(
        "pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"Digits"}]}""",
        """{"type":"Digits","individual_digits":false}""")]
    [InlineData(
        "pre_tokenizer",
        """{"type":"Sequence","pretokenizers":[{"type":"Digits"},"""
        + """{"type":"Sequence","pretokenizers":[{"type":"Punctuation"},{"type":"Whitespace"}]}]}""",
        """{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":false},"""
        + """{"type":"Punctuation","behavior":"Isolated"},{"type":"Whitespace"}]}""")]
    [InlineData(
        "pre_tokenizer", """{"type":"Split","pattern":{"Regex":" "},"behavior":"Isolated"}""",
        """{"type":"Split","pattern":{"String":" "},"behavior":"Isolated","invert":false}""")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[]}""", "null")]
    [InlineData("pre_tokenizer", "null", null)]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[{"type":"NFC"}]}""", """{"type":"NFC"}""")]
    [InlineData(
        "normalizer", """{"type":"Replace","pattern":{"Regex":" "},"content":"▁"}""",
        """{"type":"Replace","pattern":{"String":" "},"content":"▁"}""")]
    [InlineData("normalizer", """{"type":"BertNormalizer","strip_accents":null}""", """{"type":"BertNormalizer"}""")]
    [InlineData("post_processor", """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false}""", "null")]
    [InlineData(
        "post_processor",
        """{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}""",
        "null")]
    [InlineData("post_processor", """{"type":"Sequence","processors":[{"type":"ByteLevel"},TEMPLATE]}""", "TEMPLATE")]
    [InlineData("version", null, "\"1.0\"")]
    [InlineData("truncation", """{"max_length":512}""", "null")]
    [InlineData("padding", """{"strategy":{"Fixed":64}}""", null)]
    public void Old_and_new_forms_of_one_setting_are_the_same(string key, string? older, string? newer)
    {
        Difference(Set(key, older), Set(key, newer)).ShouldBeNull();
        Conflict(Set(key, newer), Set(key, older)).ShouldBeNull();
    }

    [Theory]
    [InlineData("type", "\"BPE\"")]
    [InlineData("dropout", "0.0")]
    [InlineData("dropout", "null")]
    [InlineData("unk_token", "null")]
    [InlineData("continuing_subword_prefix", "null")]
    [InlineData("continuing_subword_prefix", "\"\"")]
    [InlineData("end_of_word_suffix", "\"\"")]
    [InlineData("fuse_unk", "false")]
    [InlineData("byte_fallback", "false")]
    [InlineData("ignore_merges", "false")]
    public void A_key_of_the_model_with_its_default_is_no_such_key(string key, string value)
    {
        Difference(json => json["model"]!.AsObject().Remove(key), json => json["model"]![key] = JsonNode.Parse(value))
            .ShouldBeNull();
        Conflict(json => json["model"]![key] = JsonNode.Parse(value), json => json["model"]!.AsObject().Remove(key))
            .ShouldBeNull();
    }

    [Fact]
    public void Merges_may_be_texts_or_pairs()
    {
        static void AsTexts(JsonObject json) =>
            json["model"]!["merges"] = new JsonArray(
                [.. json["model"]!["merges"]!.AsArray().Select(pair => (JsonNode)$"{pair![0]} {pair[1]}")]);
        Difference(AsTexts, _ => { }).ShouldBeNull();
        Conflict(AsTexts, _ => { }).ShouldBeNull();
        Difference(AsTexts, json => json["model"]!["merges"]![2]![1] = "th")
            .ShouldBe(("model.merges[2][1]", "\"the\"", "\"th\""));
        Difference(AsTexts, json => json["model"]!["merges"]!.AsArray().RemoveAt(2)).ShouldBe(("model.merges", "3 entries", "2"));
    }

    [Fact]
    public void Added_tokens_may_be_in_any_order_and_leave_out_flags_that_are_not_set()
    {
        JsonObject[] tokens = [TinyTokenizer.Added(259, "<a>"), TinyTokenizer.Added(260, "<b>")];
        var bare = new JsonObject { ["id"] = 260, ["content"] = "<b>", ["normalized"] = false };
        Difference(Added(tokens), Added([bare, tokens[0]])).ShouldBeNull();
        Conflict(Added(tokens), Added([bare, tokens[0]])).ShouldBeNull();

        var special = TinyTokenizer.Added(260, "<b>");
        special["special"] = true;
        Difference(Added(tokens), Added([special, tokens[0]])).ShouldBe(("added_tokens[1].special", "false", "true"));
        Difference(Added(tokens), Added(tokens[0])).ShouldBe(("added_tokens", "2 entries", "1"));
    }

    [Theory]
    [InlineData(
        "pre_tokenizer", """{"type":"Metaspace","replacement":"▁","add_prefix_space":true}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}""", "pre_tokenizer.prepend_scheme", "\"always\"",
        "\"first\"")]
    [InlineData(
        "pre_tokenizer", """{"type":"Metaspace","replacement":"▁"}""",
        """{"type":"Metaspace","replacement":"▁","split":false}""", "pre_tokenizer.split", "true", "false")]
    [InlineData(
        "pre_tokenizer", """{"type":"ByteLevel","add_prefix_space":false}""", """{"type":"ByteLevel","add_prefix_space":true}""",
        "pre_tokenizer.add_prefix_space", "false", "true")]
    [InlineData(
        "pre_tokenizer", """{"type":"Split","pattern":{"Regex":" ?"},"behavior":"Isolated"}""",
        """{"type":"Split","pattern":{"String":" ?"},"behavior":"Isolated"}""", "pre_tokenizer.pattern.Regex", "\" ?\"",
        "none")]
    [InlineData("normalizer", "null", """{"type":"NFC"}""", "normalizer", "null", "an object")]
    [InlineData("post_processor", "TEMPLATE", "null", "post_processor", "an object", "null")]
    [InlineData("new_setting", null, "1", "new_setting", "none", "1")]
    public void Settings_that_give_other_ids_are_different(
        string key, string? one, string? other, string place, string first, string second)
    {
        Difference(Set(key, one), Set(key, other)).ShouldBe((place, first, second));
        Conflict(Set(key, one), Set(key, other)).ShouldBe((place, first, second));
    }

    [Theory]
    [InlineData("dropout", "0.1", "model.dropout", "none", "0.1")]
    [InlineData("fuse_unk", "true", "model.fuse_unk", "false", "true")]
    [InlineData("end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix", "none", "\"</w>\"")]
    public void A_key_of_the_model_with_another_value_counts(
        string key, string value, string place, string first, string second) =>
        Difference(_ => { }, json => json["model"]![key] = JsonNode.Parse(value)).ShouldBe((place, first, second));

    [Fact]
    public void What_changes_text_alone_is_told_apart()
    {
        void Pair(JsonObject json)
        {
            Set("post_processor", "TEMPLATE")(json);
            json["post_processor"]!["pair"]!.AsArray().RemoveAt(0);
        }

        Difference(Set("post_processor", "TEMPLATE"), Pair).ShouldBeNull();
        DifferenceInText(Set("post_processor", "TEMPLATE"), Pair).ShouldBe(("post_processor.pair[0]", "1", "\"A\""));
        Difference(_ => { }, Set("decoder", """{"type":"Fuse"}""")).ShouldBeNull();
        DifferenceInText(_ => { }, Set("decoder", """{"type":"Fuse"}""")).ShouldBe(("decoder.type", "\"ByteLevel\"", "\"Fuse\""));
        DifferenceInText(_ => { }, Set("decoder", """{"type":"ByteLevel","use_regex":false}""")).ShouldBeNull();
        DifferenceInText(
            Set("decoder", """{"type":"Metaspace","replacement":"▁","add_prefix_space":true}"""),
            Set("decoder", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}""")).ShouldBeNull();
    }

    private static Action<JsonObject> Added(params JsonObject[] tokens) =>
        json => json["added_tokens"] = new JsonArray([.. tokens.Select(token => token.DeepClone())]);

    private static Action<JsonObject> Set(string key, string? value) => json =>
    {
        if (value is null) json.Remove(key);
        else json[key] = JsonNode.Parse(value.Replace("TEMPLATE", Template, StringComparison.Ordinal));
    };

    private (string, string, string)? Difference(Action<JsonObject> first, Action<JsonObject> second) =>
        TokenizerFile.FirstDifference(Written("first.json", first), Written("second.json", second));

    private (string, string, string)? Conflict(Action<JsonObject> first, Action<JsonObject> second) =>
        TokenizerFile.FirstConflict(Written("first.json", first), Written("second.json", second));

    private (string, string, string)? DifferenceInText(Action<JsonObject> first, Action<JsonObject> second) =>
        TokenizerFile.FirstDifferenceInText(Written("first.json", first), Written("second.json", second));

    private string Written(string name, Action<JsonObject> change)
    {
        var json = TinyTokenizer.Json();
        change(json);
        File.WriteAllText(directory[name], json.ToJsonString());
        return directory[name];
    }
}
