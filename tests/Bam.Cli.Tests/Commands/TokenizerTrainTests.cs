using System.Text.Json;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class TokenizerTrainTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Text_of_every_kind_becomes_a_tokenizer()
    {
        Write("text/a.txt", string.Concat(Enumerable.Repeat("the licence of the work\n", 50)));
        Write("text/b.jsonl", """{"text":"the work's licence"}""" + "\n" + """{"text":"the end"}""" + "\n");
        var run = Train("text", "--vocab-size", "270", "--output", "t.json", "--json");
        run.ShouldBeDone();
        var result = JsonDocument.Parse(run.Output).RootElement;
        result.GetProperty("vocab_size").GetInt32().ShouldBe(270);
        result.GetProperty("documents").GetInt32().ShouldBe(3);
        result.GetProperty("end_of_text_id").GetInt32().ShouldBe(0);
        var tokenizer = Tokenizer.Load(PathOf("t.json"));
        tokenizer.Fingerprint.ShouldBe(result.GetProperty("fingerprint").GetString());
        tokenizer.TokenToId("the").ShouldNotBeNull();
    }

    [Fact]
    public void Style_and_special_tokens_are_the_users()
    {
        Write("a.txt", "2024 2024 2024 2024");
        Train("a.txt", "--vocab-size", "260", "--output", ".", "--style", "llama3", "--special-token", "</s>", "<pad>")
            .ShouldBeDone();
        var tokenizer = Tokenizer.Load(root);
        tokenizer.IdToToken(1).ShouldBe("<pad>");
        tokenizer.EndOfTextId.ShouldBe(0);
        tokenizer.IdToToken(259).ShouldBe("202");
    }

    [Fact]
    public void Too_little_text_is_said()
    {
        Write("a.txt", "ab ab");
        var run = Train("a.txt", "--vocab-size", "1000", "--output", "t.json", "--special-token", "<x>");
        run.ShouldBeDone();
        run.Error.ShouldContain(
            "warning: only 258 of 1000 tokens: no other pair occurs 2 times; give more text or lower --vocab-size\n");
        run.Error.ShouldContain("warning: no end-of-text token");
        run.Output.ShouldEndWith("t.json: 258 tokens from 1 documents, 5 bytes\n");
    }

    [Fact]
    public void A_finished_count_is_shown_once()
    {
        Write("a.jsonl", string.Concat(Enumerable.Repeat("{\"text\":\"some text\"}\n", 60)));
        Train("a.jsonl", "--vocab-size", "258", "--output", "t.json").Error.Split("count words  100 %").Length.ShouldBe(2);
    }

    [Fact]
    public void A_wrong_request_costs_one_line_and_leaves_nothing()
    {
        Write("a.txt", "some text");
        Write("broken.jsonl", "{\"text\":\"good\"}\nnot json\n");
        Refused(
            "--style: expected gpt2, llama3, cohere, gpt-neox, found bert", "a.txt", "--vocab-size", "300", "--style", "bert");
        Refused("the tokenizer's vocabulary size: expected at least 257", "a.txt", "--vocab-size", "100");
        Refused("nowhere", "nowhere", "--vocab-size", "300");
        Refused("broken.jsonl", "broken.jsonl", "--vocab-size", "300");
        File.Exists(PathOf("t.json")).ShouldBeFalse();

        void Refused(string message, params string[] arguments)
        {
            var run = Train([.. arguments, "--output", "t.json"]);
            run.Status.ShouldBe(ExitStatus.WrongRequest);
            run.Error.TrimEnd('\n').Split('\n')[^1].ShouldContain(message);
        }
    }

    private string PathOf(string relative) => Path.Combine(root, relative);

    private void Write(string relative, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(relative))!);
        File.WriteAllText(PathOf(relative), text);
    }

    // Paths among the arguments are below the test's directory.
    private CommandLineRun Train(params string[] arguments) => CommandLineRun.Of(
    [
        "tokenizer", "train",
        .. arguments.Select((argument, i) => i == 0 || arguments[i - 1] == "--output" ? PathOf(argument) : argument),
    ]);
}
