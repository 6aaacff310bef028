using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>A chat model that ends texts at 256 and answers at 257, and pads with 258.</summary>
public sealed class GgufSecondEndTokenTests : IDisposable
{
    private readonly CaseFiles files = new("gguf-second-end-token");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("[256,257]", 256, 257)]
    [InlineData("[257,256]", 257, 256)]
    [InlineData("256", 256, null)]
    [InlineData("257", 257, 256)] // <|endoftext|> ends texts in 'bam generate' too
    public void The_file_has_both_ends_and_the_padding(string ends, int first, int? second)
    {
        var (file, error) = Export(json => json["eos_token_id"] = JsonNode.Parse(ends));
        Id(file, "eos_token_id").ShouldBe(first);
        Id(file, "eot_token_id").ShouldBe(second);
        Id(file, "padding_token_id").ShouldBe(258);
        error.ShouldNotContain("warning");
    }

    [Fact]
    public void Ends_beyond_the_second_are_named()
    {
        var (file, error) = Export(json => json["eos_token_id"] = new JsonArray(257, 256, 258, 65));
        Id(file, "eos_token_id").ShouldBe(257);
        Id(file, "eot_token_id").ShouldBe(258);
        error.ShouldContain(
            $"warning: {files["model/tokenizer.json"]}: a text ends at A (id 65) too, and the file has no place for more than "
            + "two ends: llama.cpp does not stop there\n");
    }

    [Theory]
    [InlineData("\"<pad>\"", 258)]
    [InlineData("{\"content\": \"<pad>\", \"special\": true}", 258)]
    [InlineData("\"<none>\"", null)]
    [InlineData("null", null)]
    public void The_padding_may_stand_in_the_tokenizers_settings_alone(string token, int? id)
    {
        File.WriteAllText(files["model/tokenizer_config.json"], $"{{\"pad_token\": {token}}}");
        Id(Export(json => json.Remove("pad_token_id")).File, "padding_token_id").ShouldBe(id);
    }

    [Fact]
    public void Tokens_without_a_row_are_left_out()
    {
        var tokenizer = JsonNode.Parse(File.ReadAllText(files["model/tokenizer.json"]))!;
        foreach (var (id, content) in new[] { (259, "<last row>"), (260, "<no row>") })
            tokenizer["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = id, ["content"] = content, ["special"] = true });
        File.WriteAllText(files["model/tokenizer.json"], tokenizer.ToJsonString());
        var (file, error) = Export(_ => { });
        error.ShouldContain(
            $"warning: {files["model/tokenizer.json"]}: <no row> (id 260) has no row in the embedding (vocab_size 260); the "
            + "file leaves such tokens out\n");
        file.AsSpan().IndexOf("<last row>"u8).ShouldBePositive();
        file.AsSpan().IndexOf("<no row>"u8).ShouldBe(-1);
    }

    private (byte[] File, string Error) Export(Action<JsonObject> change)
    {
        var config = JsonNode.Parse(File.ReadAllText(files["model/config.json"]))!.AsObject();
        change(config);
        File.WriteAllText(files["model/config.json"], config.ToJsonString());
        var run = CommandLineRun.Of("export", files["model"], "--format", "gguf", "--output", files["gguf"]);
        run.Status.ShouldBe(0, run.Error);
        return (File.ReadAllBytes(files["gguf/model.gguf"]), run.Error);
    }

    // A key is followed by the type of its value, 4 for uint32, and the value.
    private static int? Id(byte[] file, string key)
    {
        var name = Encoding.ASCII.GetBytes($"tokenizer.ggml.{key}");
        var place = file.AsSpan().IndexOf(name);
        if (place < 0) return null;
        BitConverter.ToUInt32(file, place + name.Length).ShouldBe(4u);
        return BitConverter.ToInt32(file, place + name.Length + 4);
    }
}
