using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>
/// A model whose tokenizer.json keeps the truncation and the padding of its training; without.json is the same with neither.
/// </summary>
public sealed class TokenizerWithTruncationAndPaddingTests : IDisposable
{
    private readonly CaseFiles files = new("tokenizer-with-truncation-and-padding");

    public void Dispose() => files.Dispose();

    [Fact]
    public void Ids_are_neither_cut_nor_padded()
    {
        var expected = Encoded("without.json");
        expected.ShouldContain(" "); // lines of more than 8 tokens are among them
        Encoded("model").ShouldBe(expected);

        var json = JsonNode.Parse(File.ReadAllText(files["model/tokenizer.json"]))!;
        json["padding"]!["strategy"] = new JsonObject { ["Fixed"] = 64 };
        File.WriteAllText(files["model/tokenizer.json"], json.ToJsonString());
        Encoded("model").ShouldBe(expected);
    }

    [Fact]
    public void Data_text_and_mixtures_are_made_as_without()
    {
        foreach (var (name, tokenizer) in new[] { ("with", "model"), ("without", "without.json") })
            Done("data", "build", "--input", files["text.jsonl"], "--tokenizer", files[tokenizer], "--output", files[name]);
        File.ReadAllBytes(files["with/train.bin"]).ShouldBe(File.ReadAllBytes(files["without/train.bin"]));

        Done("generate", files["model"], "--prompt", "the", "--max-tokens", "4");
        Done("mix", "btx", "--seed", files["model"], "--expert", files["model"], "--output", files["mixture"]);
        Done("generate", files["mixture"], "--prompt", "the", "--max-tokens", "4");
        Done("eval", "perplexity", files["mixture"], "--data", files["without"], "--window", "16");
    }

    private string Encoded(string tokenizer) => Done("tokenizer", "encode", files["text.jsonl"], "--tokenizer", files[tokenizer]);

    private static string Done(params string[] arguments)
    {
        var run = CommandLineRun.Of(arguments);
        run.Status.ShouldBe(0, run.Error);
        return run.Output;
    }
}
