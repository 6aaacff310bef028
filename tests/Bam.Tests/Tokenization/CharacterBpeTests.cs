using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

/// <summary>Character-level BPE of Llama 2, Mistral and Gemma; ids and text against Hugging Face tokenizers 0.23.1.</summary>
public sealed class CharacterBpeTests
{
    [Theory]
    [InlineData("llama2")]
    [InlineData("mistral")]
    [InlineData("gemma")]
    [InlineData("metaspace")]
    [InlineData("few-bytes")]
    public void Ids_and_text_equal_the_reference(string style)
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer(style));
        var texts = Lines(style, "expected.jsonl");
        texts.Length.ShouldBe(97);
        foreach (var expected in texts)
        {
            var text = expected.GetProperty("text").GetString()!;
            var plain = Ids(expected.GetProperty("ids_without_special"));
            tokenizer.Encode(text).ShouldBe(Ids(expected.GetProperty("ids")), text);
            tokenizer.Encode(text, addSpecialTokens: false).ShouldBe(plain, text);
            tokenizer.Decode(plain).ShouldBe(expected.GetProperty("decoded").GetString(), text);
        }
    }

    [Theory]
    [InlineData("llama2")]
    [InlineData("mistral")]
    [InlineData("gemma")]
    [InlineData("metaspace")]
    [InlineData("few-bytes")]
    public void Any_ids_decode_as_the_reference_does(string style)
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer(style));
        var lists = Lines(style, "decoded.jsonl");
        lists.Length.ShouldBe(60);
        foreach (var expected in lists)
        {
            var ids = Ids(expected.GetProperty("ids"));
            tokenizer.Decode(ids).ShouldBe(expected.GetProperty("text").GetString(), string.Join(' ', ids));
            tokenizer.Decode(ids, skipSpecialTokens: true)
                .ShouldBe(expected.GetProperty("text_without_special").GetString(), string.Join(' ', ids));
        }
    }

    [Theory]
    [InlineData("llama2")]
    [InlineData("gemma")]
    public void A_word_that_is_cut_where_nothing_merges_has_the_ids_of_the_whole(string style)
    {
        // If a merge contains a byte token, words are not split; this one never applies, since no text has two of <0xFF>.
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Tokenizer(style), Tokenizer.FileName)))!.AsObject();
        var cut = TinyTokenizer.Parse(json);
        var vocab = json["model"]!["vocab"]!.AsObject();
        vocab["<0xFF><0xFF>"] = vocab.Count;
        json["model"]!["merges"]!.AsArray().Add(new JsonArray("<0xFF>", "<0xFF>"));
        var whole = TinyTokenizer.Parse(json);
        var random = new RandomStream(3, style);
        string[] words = [" the", " expert", "er", "x", "  ", "\n", "日", "é", ". ", "(", ")", " a"];
        for (var repeat = 0; repeat < 300; repeat++)
        {
            var text = RandomText.Next(ref random);
            for (var left = random.NextInt64(80); left > 0; left--) text += words[random.NextInt64(words.Length)];
            cut.Encode(text).ShouldBe(whole.Encode(text), text);
        }
    }

    [Fact]
    public void A_text_of_one_long_word_is_encoded_by_rank()
    {
        // Doubling: a quadratic algorithm would take hours.
        const int Length = 1 << 19;
        var tokenizer = Doubling();
        var ids = tokenizer.Encode(new string('a', Length + 3));
        ids.Length.ShouldBe((Length / 16) + 2);
        ids[..(Length / 16)].ShouldAllBe(id => tokenizer.IdToToken(id) == new string('a', 16));
        ids[^2..].Select(tokenizer.IdToToken).ShouldBe(["aa", "a"]);
    }

    [Fact]
    public void An_unpaired_surrogate_is_the_replacement_character()
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer("llama2"));
        var text = "the router \uD83D the router \uFFFD";
        tokenizer.Encode(text).ShouldBe(tokenizer.Encode(text.Replace('\uD83D', '\uFFFD')));
        tokenizer.Decode(tokenizer.Encode("the router", addSpecialTokens: false)).ShouldBe("the router");
    }

    [Fact]
    public void A_token_has_its_bytes_inside_a_text()
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer("llama2"));
        Bytes("<0xE2>").ShouldBe([0xE2]);
        Bytes("▁the").ShouldBe(" the"u8.ToArray());
        Bytes("▁").ShouldBe(" "u8.ToArray());
        Bytes("<s>").ShouldBe("<s>"u8.ToArray());

        byte[] Bytes(string token) => tokenizer.BytesOf(tokenizer.TokenToId(token)!.Value).ToArray();
    }

    [Theory]
    [InlineData("""{"type":"Metaspace","replacement":"▁"}""", "▁a|▁|▁b|<x>|▁a")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}""", "▁a|▁|▁b|<x>|a")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}""", "a|▁|▁b|<x>|a")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","add_prefix_space":true}""", "▁a|▁|▁b|<x>|▁a")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","add_prefix_space":false}""", "a|▁|▁b|<x>|a")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","add_prefix_space":true,"prepend_scheme":"first"}""", "▁a|▁|▁b|<x>|a")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","split":false}""", "▁a▁|▁b|<x>|▁a")]
    public void Spaces_are_put_in_front_by_scheme(string metaspace, string tokens) =>
        Words(metaspace).Tokens("a  b<x>a").ShouldBe(tokens);

    [Theory]
    [InlineData(
        "pre_tokenizer", """{"type":"Metaspace","replacement":"▁▁"}""", "pre_tokenizer.replacement: expected one letter, found ")]
    [InlineData(
        "pre_tokenizer", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"last"}""",
        "pre_tokenizer.prepend_scheme: expected always, first or never, found \"last\"")]
    [InlineData(
        "pre_tokenizer", """{"type":"Metaspace","replacement":"▁","add_prefix_space":false,"prepend_scheme":"always"}""",
        "pre_tokenizer.prepend_scheme: expected never, found \"always\"; add_prefix_space is false")]
    [InlineData(
        "pre_tokenizer", """{"type":"Metaspace","replacement":"▁","new":1}""",
        "pre_tokenizer.new: expected one of the keys type, replacement")]
    [InlineData(
        "normalizer", """{"type":"Strip","strip_left":true,"strip_right":false}""",
        "pre_tokenizer: expected a prepend_scheme other than first")]
    [InlineData(
        "normalizer", """{"type":"Sequence","normalizers":[{"type":"Replace","pattern":{"String":"x"},"content":""}]}""",
        "pre_tokenizer: expected a prepend_scheme other than first")]
    [InlineData(
        "decoder", "null", "decoder: expected Metaspace or a Sequence of Replace, ByteFallback, Fuse and Strip, found null")]
    [InlineData(
        "decoder", """{"type":"ByteLevel"}""",
        "decoder.type: expected Sequence, Replace, ByteFallback, Fuse, Strip or Metaspace, found \"ByteLevel\"")]
    [InlineData(
        "decoder", """{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"ByteFallback"}]}""",
        "decoder.decoders[1].type: expected this step before Fuse")]
    [InlineData(
        "decoder", """{"type":"Sequence","decoders":[{"type":"Strip","content":" ","start":1,"stop":0}]}""",
        "decoder.decoders[0].type: expected this step after Fuse")]
    [InlineData(
        "decoder",
        """{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Replace","pattern":{"String":"ab"},"content":"c"}]}""",
        "decoder.decoders[1].type: expected this step before Fuse")]
    [InlineData(
        "decoder", """{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Strip","content":"  ","start":1,"stop":0}]}""",
        "decoder.decoders[1].content: expected one letter")]
    [InlineData("decoder", """{"type":"WordPiece"}""", "decoder.type: expected Sequence, Replace")]
    [InlineData(
        "model.unk_token", "null", "model.vocab: expected a token for every byte, found none for the byte 41 (\"<0x41>\")")]
    [InlineData("model.end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix: expected null, found ")]
    public void What_is_unknown_or_would_change_ids_is_refused_by_name(string path, string value, string message)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Tokenizer("mistral"), Tokenizer.FileName)))!.AsObject();
        if (path == "model.unk_token") json["model"]!["vocab"]!.AsObject().Remove("<0x41>");
        var keys = path.Split('.');
        var holder = keys[..^1].Aggregate((JsonNode)json, (node, key) => node[key]!);
        holder[keys[^1]] = JsonNode.Parse(value);
        var actual = Should.Throw<InvalidInputException>(() => TinyTokenizer.Parse(json)).Message;
        actual.ShouldStartWith("t.json: ");
        actual.ShouldContain(message);
    }

    [Fact]
    public void The_fingerprint_knows_whether_letters_become_bytes()
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Tokenizer("llama2"), Tokenizer.FileName)))!.AsObject();
        var withBytes = TinyTokenizer.Parse(json).Fingerprint;
        json["model"]!["byte_fallback"] = false;
        TinyTokenizer.Parse(json).Fingerprint.ShouldNotBe(withBytes);
    }

    [Theory]
    [InlineData(1, 1, "  a ", " b  ", " a  b ")]
    [InlineData(3, 2, "  ", "  a   ", " a ")]
    [InlineData(0, 2, " ", " ", "")]
    public void Ends_are_stripped_once_all_is_one_text(int start, int stop, string first, string second, string text)
    {
        var tokenizer = Words("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}""", json =>
        {
            var vocab = json["model"]!["vocab"]!.AsObject();
            foreach (var token in new[] { first, second }.Distinct()) vocab[token] = vocab.Count;
            json["added_tokens"] = new JsonArray();
            json["decoder"] = JsonNode.Parse(
                $$"""
                {"type":"Sequence","decoders":[
                  {"type":"Fuse"},{"type":"Strip","content":" ","start":{{start}},"stop":{{stop}}}]}
                """);
        });
        tokenizer.Decode([tokenizer.TokenToId(first)!.Value, tokenizer.TokenToId(second)!.Value]).ShouldBe(text);
    }

    // a, b, a few words with ▁, and the added token <x>.
    private static Tokenizer Words(string metaspace, Action<JsonObject>? change = null)
    {
        var json = Model(["<?>", "a", "b", "▁", "▁a", "▁b", "▁a▁"], [["▁", "a"], ["▁", "b"], ["▁a", "▁"]]);
        json["pre_tokenizer"] = JsonNode.Parse(metaspace);
        json["added_tokens"] = new JsonArray(TinyTokenizer.Added(7, "<x>"));
        change?.Invoke(json);
        return TinyTokenizer.Parse(json);
    }

    // a, aa, aaaa … up to sixteen.
    private static Tokenizer Doubling()
    {
        var tokens = Enumerable.Range(0, 5).Select(power => new string('a', 1 << power)).ToArray();
        return TinyTokenizer.Parse(Model(["<?>", .. tokens], [.. tokens[..^1].Select(token => new[] { token, token })]));
    }

    private static JsonObject Model(string[] tokens, string[][] merges) => new()
    {
        ["version"] = "1.0",
        ["decoder"] = new JsonObject { ["type"] = "Metaspace", ["replacement"] = "▁" },
        ["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["unk_token"] = "<?>",
            ["vocab"] = new JsonObject(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id))),
            ["merges"] = JsonSerializer.SerializeToNode(merges),
        },
    };

    private static JsonElement[] Lines(string style, string file) =>
        [.. File.ReadLines(Path.Combine(Fixtures.Tokenizer(style), file)).Select(line => JsonDocument.Parse(line).RootElement)];

    private static int[] Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(id => id.GetInt32())];
}
