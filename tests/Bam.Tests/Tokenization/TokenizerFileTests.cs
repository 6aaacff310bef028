using System.Text;
using System.Text.Json.Nodes;
using Bam.Tokenization;
using Bam.Tokenization.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

/// <summary>Tests saving, comparing and rejecting tokenizer files.</summary>
public sealed class TokenizerFileTests
{
    [Fact]
    public void Saved_and_loaded_it_is_the_same_to_the_byte()
    {
        using var directory = new TemporaryDirectory();
        var file = Path.Combine(Fixtures.Tokenizer("llama3"), Tokenizer.FileName);
        var tokenizer = Tokenizer.Load(file);
        tokenizer.Save(directory.Root);
        File.ReadAllBytes(directory[Tokenizer.FileName]).ShouldBe(File.ReadAllBytes(file));
        Tokenizer.Load(directory.Root).Fingerprint.ShouldBe(tokenizer.Fingerprint);
    }

    [Theory]
    [InlineData(
        "Bam does not read tokenizer.model; transformers' AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) makes a "
            + "tokenizer.json of it",
        "tokenizer.model")]
    [InlineData(
        "Bam does not read vocab.json; transformers' AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) makes a "
            + "tokenizer.json of it",
        "vocab.json", "merges.txt")]
    [InlineData("check the path")]
    public void A_tokenizer_of_another_form_is_named(string hint, params string[] files)
    {
        using var directory = new TemporaryDirectory();
        foreach (var file in files) File.WriteAllText(directory[file], "");
        Should.Throw<InvalidInputException>(() => Tokenizer.Load(directory.Root)).Message
            .ShouldBe(
                $"{directory[Tokenizer.FileName]}: expected a tokenizer.json of Hugging Face's tokenizers, found no such "
                    + $"file; {hint}");
    }

    [Fact]
    public void The_fingerprint_knows_content_from_layout()
    {
        var original = TinyTokenizer.Json();
        var indented = Tokenizer.Parse(Encoding.UTF8.GetBytes(original.ToJsonString(new() { WriteIndented = true })), "t.json");
        var reordered = new JsonObject(
            [.. original.DeepClone().AsObject().Reverse().Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))]);
        var tokenizer = TinyTokenizer.Parse(original);
        tokenizer.Fingerprint.Length.ShouldBe(64);
        indented.Fingerprint.ShouldBe(tokenizer.Fingerprint);
        TinyTokenizer.Parse(reordered).Fingerprint.ShouldBe(tokenizer.Fingerprint);
        foreach (var change in (Action<JsonObject>[])
        [
            json => json["normalizer"] = JsonNode.Parse("""{"type":"NFC"}"""),
            json => json["pre_tokenizer"]!["add_prefix_space"] = true,
            json => json["added_tokens"] = new JsonArray(TinyTokenizer.Added(259, "<x>")),
            json => json["model"]!["ignore_merges"] = true,
            json => json["model"]!["merges"]!.AsArray().RemoveAt(2),
            json => (json["model"]!["vocab"]!["th"], json["model"]!["vocab"]!["the"]) = (257, 256),
        ])
            TinyTokenizer.With(change).Fingerprint.ShouldNotBe(tokenizer.Fingerprint);
    }

    [Theory]
    [InlineData(TokenizerStyle.Gpt2, "fdfe74c5a42ab0382e35294f91b4b22a1cbf2a94e2afd3504d40f70da00f0275")]
    [InlineData(TokenizerStyle.GptNeoX, "dac407cf085c8275a6791f84ed39342c8e8167f6e9dfb9c7df6090ad004f9ea6")]
    [InlineData(TokenizerStyle.Cohere, "da15cc586ca2833f068811588939a989feaca41eb214924fe5714535f4160e0d")]
    [InlineData(TokenizerStyle.Llama3, "b6761eaf14f43282bd9b9ee42eb161a74dd396baafcf7e6967913f0c309782e1")]
    internal void Fingerprints_of_trained_tokenizers_stay_as_reports_have_recorded_them(TokenizerStyle style, string fingerprint)
    {
        var text = string.Concat(
            Enumerable.Range(1, 40).Select(i => $"the cat sat on mat {i} 12345 hello world again and again\n"));
        BpeTrainer.Train([text], new BpeTrainerOptions { VocabSize = 280, Style = style }).Fingerprint.ShouldBe(fingerprint);
    }

    [Theory]
    [InlineData("truncation", """{"direction":"Right","max_length":2,"strategy":"LongestFirst","stride":0}""")]
    [InlineData(
        "padding",
        """{"strategy":"BatchLongest","direction":"Right","pad_to_multiple_of":8,"pad_id":0,"pad_type_id":0,"pad_token":"a"}""")]
    [InlineData(
        "padding",
        """{"strategy":{"Fixed":64},"direction":"Left","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"a"}""")]
    public void Truncation_and_padding_have_no_effect(string key, string setting)
    {
        var tokenizer = TinyTokenizer.With(json => json[key] = JsonNode.Parse(setting));
        tokenizer.Encode("the the the").ShouldBe([TinyTokenizer.The, TinyTokenizer.The + 1, TinyTokenizer.The + 1]);
        tokenizer.Fingerprint.ShouldBe(TinyTokenizer.With(_ => { }).Fingerprint);
    }

    [Fact]
    public void A_template_puts_its_tokens_around_the_text()
    {
        var tokenizer = TinyTokenizer.With(json =>
        {
            json["added_tokens"] = new JsonArray(TinyTokenizer.Added(259, "<s>"), TinyTokenizer.Added(260, "</s>"));
            json["post_processor"] = JsonNode.Parse("""
                {"type":"Sequence","processors":[
                  {"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true},
                  {"type":"TemplateProcessing","pair":[],
                   "single":[{"SpecialToken":{"id":"b","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
                     {"SpecialToken":{"id":"e","type_id":0}}],
                   "special_tokens":{"b":{"id":"b","ids":[259,259],"tokens":["<s>","<s>"]},
                     "e":{"id":"e","ids":[260],"tokens":["</s>"]}}}]}
                """);
        });
        tokenizer.Encode("a").ShouldBe([259, 259, 'a', 260]);
        tokenizer.Encode("").ShouldBe([259, 259, 260]);
        tokenizer.Encode("a", addSpecialTokens: false).ShouldBe(['a']);
    }

    [Fact]
    public void A_model_with_too_few_rows_is_refused()
    {
        var tokenizer = TinyTokenizer.With(_ => { });
        tokenizer.RequireFits(259, "m/config.json", SilentReporter.Instance);
        tokenizer.RequireFits(512, "m/config.json", SilentReporter.Instance);
        Should.Throw<InvalidInputException>(() => tokenizer.RequireFits(258, "m/config.json", SilentReporter.Instance)).Message
            .ShouldBe(
            "m/config.json: expected a vocab_size of at least 259, the tokenizer's, found 258; use the tokenizer that the model "
                + "was trained with");
    }

    [Fact]
    public void Added_tokens_without_a_row_are_named()
    {
        var tokenizer = TinyTokenizer.With(
            json =>
                json["added_tokens"] = new JsonArray(
                    [.. Enumerable.Range(259, 12).Select(id => TinyTokenizer.Added(id, $"<{id}>"))]));
        var reporter = new Upcycling.RecordingReporter();
        tokenizer.RequireFits(260, "m", reporter);
        tokenizer.RequireFits(271, "m", reporter);
        reporter.Warnings.ShouldBe(
        [
            "m: <260> (id 260), <261> (id 261), <262> (id 262), <263> (id 263), <264> (id 264), <265> (id 265), <266> (id 266), "
                + "<267> (id 267) and 3 more "
            + "have no row in the embedding (vocab_size 260); text that holds such a token is refused",
        ]);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        using var directory = new TemporaryDirectory();
        Should.Throw<InvalidInputException>(() => Tokenizer.Load(directory.Root)).Message
            .ShouldStartWith($"{directory[Tokenizer.FileName]}: expected a tokenizer.json");
        Should.Throw<InvalidInputException>(() => Tokenizer.Load(directory["nowhere/t.json"])).Message
            .ShouldContain("no such file");
    }

    [Theory]
    [InlineData("", "t.json: not JSON (line 1, byte 1")]
    [InlineData("{\n  \"version\": 1.0,,", "t.json: not JSON (line 2")]
    [InlineData("[]", "t.json: expected an object, found an array")]
    [InlineData("{}", "t.json: model: expected an object, found nothing")]
    [InlineData("{\"version\":\"2.0\"}", "t.json: version: expected 1.0, found \"2.0\"")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"\\ud800\":1},\"merges\":[]}}", "half of a surrogate pair")]
    public void What_is_no_tokenizer_costs_one_line(string content, string message)
    {
        var actual = Should.Throw<InvalidInputException>(
            () => Tokenizer.Parse(Encoding.UTF8.GetBytes(content), "t.json")).Message;
        actual.ShouldContain(message);
        actual.ShouldNotContain("\n");
    }

    [Theory]
    [InlineData(
        "model.type", "\"Unigram\"",
        "model.type: expected \"BPE\", found \"Unigram\"; Bam reads byte-level BPE, and BPE over characters as Llama 2 has it")]
    [InlineData(
        "model", "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[]}",
        "model.type: expected \"BPE\", found \"Unigram\"; Bam reads byte-level BPE")]
    [InlineData(
        "model", "{\"type\":\"WordPiece\",\"max_input_chars_per_word\":100}",
        "model.type: expected \"BPE\", found \"WordPiece\"; Bam reads byte-level BPE")]
    [InlineData("model.byte_fallback", "true", "model.byte_fallback: expected false, found true")]
    [InlineData("model.dropout", "0.1", "model.dropout: expected null, found 0.1")]
    [InlineData("model.continuing_subword_prefix", "\"##\"", "model.continuing_subword_prefix: expected null, found \"##\"")]
    [InlineData("model.new_setting", "1", "model.new_setting: expected one of the keys type, dropout")]
    [InlineData("model.vocab.a", "3", "model.vocab.a: expected an id of its own, found 3; \"ă\" has it too")]
    [InlineData("model.vocab.a", "-3", "model.vocab.a: expected an integer that is not negative, found -3")]
    [InlineData("model.vocab.a", "1e9", "model.vocab.a: expected an")]
    [InlineData("model.vocab.a", "999999999", "model.vocab.a: expected an id of at most 16777215")]
    [InlineData("model.vocab.a", "\"x\"", "model.vocab.a: expected an integer")]
    [InlineData(
        "model.merges", "[[\"t\",\"h\"],[\"th\",\"q\"]]",
        "model.merges[1]: expected tokens of the vocabulary, found an array; it lacks \"thq\"")]
    [InlineData("model.merges", "[\"t h\",\"t h e\"]", "model.merges[1]: expected two tokens, found \"t h e\"")]
    [InlineData("model.merges", "[[\"t\",7]]", "model.merges[0]: expected strings, found an array")]
    [InlineData("model.merges", "null", "model.merges: expected an array, found null")]
    [InlineData("extra", "1", "extra: expected one of the keys version")]
    [InlineData("normalizer", "{\"type\":\"Nmt\"}", "normalizer.type: expected NFC")]
    [InlineData("normalizer", "{\"type\":\"NFC\",\"strict\":1}", "normalizer.strict: expected one of the keys type")]
    [InlineData(
        "normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Precompiled\"}]}",
        "normalizer.normalizers[1].type: expected NFC")]
    [InlineData(
        "normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"}",
        "normalizer.pattern.String: expected a pattern")]
    [InlineData(
        "pre_tokenizer", "null",
        "model.unk_token: expected a token of the vocabulary, found null; without it, letters that have no token would vanish")]
    [InlineData("pre_tokenizer", "{\"type\":\"Metaspace\"}", "pre_tokenizer.replacement: expected a string, found nothing")]
    [InlineData(
        "pre_tokenizer", "{\"type\":\"Whitespace\"}",
        "pre_tokenizer.type: expected ByteLevel, Digits, Metaspace, Split or Sequence, found \"Whitespace\"")]
    [InlineData(
        "pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},{\"type\":\"Digits\"}]}",
        "pre_tokenizer: expected ByteLevel as the last step")]
    [InlineData(
        "pre_tokenizer",
        "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\p{Han}+\"},\"behavior\":\"Isolated\",\"invert\":false}",
        "not supported: \\p{Han}")]
    [InlineData(
        "pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"String\":\"x\"},\"behavior\":\"Glued\",\"invert\":false}",
        "pre_tokenizer.behavior: expected Isolated, Removed")]
    [InlineData("decoder", "null", "decoder: expected ByteLevel, found null")]
    [InlineData("decoder", "{\"type\":\"Metaspace\"}", "decoder.type: expected ByteLevel, found \"Metaspace\"")]
    [InlineData("post_processor", "{\"type\":\"BertProcessing\"}", "post_processor.type: expected ByteLevel")]
    [InlineData("added_tokens", "[{\"id\":300,\"content\":\"<x>\"}]", "added_tokens[0].id: expected 259, found 300")]
    [InlineData("added_tokens", "[{\"id\":5,\"content\":\"the\"}]", "added_tokens[0].id: expected 257, found 5")]
    [InlineData("added_tokens", "[{\"id\":259,\"content\":\"\"}]", "added_tokens[0].content: expected a text")]
    [InlineData(
        "added_tokens", "[{\"id\":259,\"content\":\"x\"},{\"id\":260,\"content\":\"x\"}]", "added_tokens[0].id: expected 120")]
    public void What_is_unknown_or_wrong_is_refused_by_name(string path, string value, string message)
    {
        var json = TinyTokenizer.Json();
        JsonNode node = json;
        var keys = path.Split('.');
        foreach (var key in keys[..^1]) node = node[key]!;
        node[keys[^1]] = JsonNode.Parse(value);
        var actual = Should.Throw<InvalidInputException>(() => TinyTokenizer.Parse(json)).Message;
        actual.ShouldStartWith("t.json: ");
        actual.ShouldContain(message);
        actual.ShouldNotContain("\n");
    }

    [Fact]
    public void A_vocabulary_without_some_byte_is_refused()
    {
        var json = TinyTokenizer.Json();
        json["model"]!["vocab"]!.AsObject().Remove("Ġ");
        json["model"]!["merges"]!.AsArray().RemoveAt(2);
        Should.Throw<InvalidInputException>(() => TinyTokenizer.Parse(json)).Message.ShouldBe(
            "t.json: model.vocab: expected a token for every byte, found none for the byte 20 (\"Ġ\"); " +
            "text with it could not be encoded");
    }

    [Fact]
    public void A_token_listed_twice_is_refused()
    {
        var text = TinyTokenizer.Json().ToJsonString().Replace("\"th\":256", "\"th\":256,\"th\":900", StringComparison.Ordinal);
        Should.Throw<InvalidInputException>(() => Tokenizer.Parse(Encoding.UTF8.GetBytes(text), "t.json")).Message
            .ShouldStartWith("t.json: model.vocab.th: expected each token once, found 900");
    }
}
