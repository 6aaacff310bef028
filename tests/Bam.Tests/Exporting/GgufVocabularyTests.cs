using System.Text.Json.Nodes;
using Bam.Exporting.Gguf;
using Bam.Tests.Models;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>Tests GGUF vocabularies; eng/check-llama-cpp.sh compares the ids in llama.cpp.</summary>
public sealed class GgufVocabularyTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("gpt2", "gpt-2", false)]
    [InlineData("llama3", "smaug-bpe", true)]
    [InlineData("cohere", "smollm", false)]
    public void Byte_level_bpe_has_merges_and_the_name_of_its_words(string style, string pre, bool beginsText)
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer(style));
        var metadata = Metadata(tokenizer, tokenizer.VocabSize + 2);

        metadata["tokenizer.ggml.model"].ShouldBe("gpt2");
        metadata["tokenizer.ggml.pre"].ShouldBe(pre);
        var tokens = Array(metadata, "tokens");
        tokens.Length.ShouldBe(tokenizer.VocabSize + 2);
        tokens[300].ShouldBe(tokenizer.IdToToken(300));
        tokens[^1].ShouldBe($"[PAD{tokens.Length - 1}]");
        var types = Array(metadata, "token_type").Cast<int>().ToArray();
        types[300].ShouldBe(1);
        types[tokenizer.AddedTokens.First(token => token.Special).Id].ShouldBe(3);
        types[^1].ShouldBe(5);
        var merges = JsonNode
            .Parse(File.ReadAllText(Path.Combine(Fixtures.Tokenizer(style), Tokenizer.FileName)))!["model"]!["merges"]!.AsArray();
        Array(metadata, "merges").ShouldBe(
            merges.Select(merge => merge is JsonArray pair ? $"{pair[0]} {pair[1]}" : merge!.ToString()));
        metadata["tokenizer.ggml.eos_token_id"].ShouldBe((uint)tokenizer.EndOfTextId!.Value);
        metadata["tokenizer.ggml.add_bos_token"].ShouldBe(beginsText);
    }

    [Fact]
    public void Ignored_merges_are_llama_3s()
    {
        var json = JsonOf("llama3");
        json["model"]!["ignore_merges"] = true;
        Metadata(Parse(json))["tokenizer.ggml.pre"].ShouldBe("llama-bpe");
    }

    [Fact]
    public void The_unknown_token_of_bytes_still_steers()
    {
        var json = JsonOf("gpt2");
        json["model"]!["unk_token"] = "<|endoftext|>";
        var tokenizer = Parse(json);
        Array(Metadata(tokenizer), "token_type")[tokenizer.TokenToId("<|endoftext|>")!.Value].ShouldBe(3);
    }

    [Fact]
    public void Bpe_over_characters_has_a_score_for_each_token()
    {
        var tokenizer = Parse(CharacterBpe());
        var metadata = Metadata(tokenizer);

        metadata["tokenizer.ggml.model"].ShouldBe("llama");
        metadata["tokenizer.ggml.add_space_prefix"].ShouldBe(true);
        metadata["tokenizer.ggml.add_bos_token"].ShouldBe(true);
        metadata["tokenizer.ggml.bos_token_id"].ShouldBe(1u);
        metadata["tokenizer.ggml.unknown_token_id"].ShouldBe(0u);
        var scores = Array(metadata, "scores").Cast<float>().ToArray();
        float ScoreOf(string token) => scores[tokenizer.TokenToId(token)!.Value];
        ScoreOf("▁a").ShouldBe(0);
        ScoreOf("ab").ShouldBe(-1);
        ScoreOf("▁ab").ShouldBe(-2);
        var types = Array(metadata, "token_type").Cast<int>().ToArray();
        types[..4].ShouldBe([2, 3, 3, 6]);
        types[tokenizer.TokenToId("ab")!.Value].ShouldBe(1);
    }

    [Theory]
    [InlineData(
        "[[\"▁\", \"a\"], [\"a\", \"b\"], [\"▁a\", \"b\"]]",
        "'▁' with 'ab', whose text together is a token, found no such merge")]
    [InlineData(
        "[[\"▁\", \"a\"], [\"▁a\", \"b\"], [\"a\", \"b\"], [\"▁\", \"ab\"]]",
        "those that make one token to stand together, found ▁ab in two places")]
    public void Merges_that_scores_cannot_express_are_refused(string merges, string message)
    {
        var json = CharacterBpe();
        json["model"]!["merges"] = JsonNode.Parse(merges);
        Should.Throw<InvalidInputException>(() => Metadata(Parse(json))).Message.ShouldContain(message);
    }

    [Theory]
    [InlineData(
        "neox-prefix-space",
        "pre_tokenizer: expected that of GPT-2, Llama 3, Qwen 2 or GPT-2 with single digits, without a prefix space, "
            + "found another")]
    [InlineData(
        "metaspace", "model: expected bytes for what has no token (byte_fallback), and merges that count, found another BPE")]
    [InlineData("gemma", "normalizer, pre_tokenizer: expected spaces that become ▁ and nothing else, found something else")]
    public void What_llama_cpp_would_encode_otherwise_is_refused(string style, string message) =>
        Should.Throw<InvalidInputException>(() => Metadata(Tokenizer.Load(Fixtures.Tokenizer(style)))).Message
            .ShouldContain(message);

    [Fact]
    public void Another_normalizer_is_refused()
    {
        var json = JsonOf("gpt2");
        json["normalizer"] = new JsonObject { ["type"] = "Lowercase" };
        Should.Throw<InvalidInputException>(() => Metadata(Parse(json))).Message
            .ShouldContain("normalizer: expected none, or NFC, found another");
    }

    [Theory]
    [InlineData("tokenizer_config.json", "{\"chat_template\": \"{{ messages }}\"}")]
    [InlineData(
        "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"{{ tools }}\"}, {\"name\": \"default\", \"template\": "
            + "\"{{ messages }}\"}]}")]
    [InlineData("chat_template.jinja", "{{ messages }}")]
    public void The_chat_template_goes_with_it(string file, string content)
    {
        File.WriteAllText(directory[file], content);
        Metadata(Tokenizer.Load(Fixtures.Tokenizer("gpt2")))["tokenizer.chat_template"].ShouldBe("{{ messages }}");
    }

    /// <summary>Like Llama 2: 3 special tokens, 256 bytes, letters, and words.</summary>
    private static JsonObject CharacterBpe()
    {
        var vocabulary = new JsonObject();
        string[] tokens =
        [
            "<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"),
            "▁", "a", "b", "▁a", "ab", "▁ab",
        ];
        foreach (var token in tokens) vocabulary[token] = vocabulary.Count;
        var json = JsonNode.Parse("""
            {
              "added_tokens": [
                {"id": 0, "content": "<unk>", "special": true, "normalized": false},
                {"id": 1, "content": "<s>", "special": true, "normalized": false},
                {"id": 2, "content": "</s>", "special": true, "normalized": false}],
              "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
              "post_processor": {"type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
              "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
              "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "vocab": null,
                "merges": [["▁", "a"], ["a", "b"], ["▁a", "b"], ["▁", "ab"]]}
            }
            """)!.AsObject();
        json["model"]!["vocab"] = vocabulary;
        return json;
    }

    private static JsonObject JsonOf(string style) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Tokenizer(style), Tokenizer.FileName)))!.AsObject();

    private static Tokenizer Parse(JsonObject json) =>
        Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()), "tokenizer.json");

    private static object[] Array(Dictionary<string, object> metadata, string key) => (object[])metadata[$"tokenizer.ggml.{key}"];

    private Dictionary<string, object> Metadata(Tokenizer tokenizer, int? vocabSize = null)
    {
        var metadata = new GgufMetadata();
        GgufVocabulary.Add(
            metadata, tokenizer, TinyModels.Dense with { VocabSize = vocabSize ?? tokenizer.VocabSize },
            directory["tokenizer.json"], SilentReporter.Instance);
        using (new GgufFile(metadata, []).Create(directory["vocabulary.gguf"])) { }
        return new GgufContent(directory["vocabulary.gguf"]).Metadata;
    }
}
