using System.Text.Json;
using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class DataTests : IDisposable
{
    private static readonly string Tokenizer = RepositoryRoot.PathOf("tests", "fixtures", "tokenizers", "gpt2", "tokenizer.json");

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public DataTests()
    {
        var texts = Enumerable.Range(0, 40)
            .Select(i => $"Document {i} speaks of {i * 7919} things, then of {i * 104729} others <|endoftext|> and ends.");
        var lines = texts.Select(text => JsonSerializer.Serialize(new { text }));
        File.WriteAllLines(Path("in.jsonl"), lines.Append("""{"text": ""}"""));
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Building_prints_what_became_of_the_documents()
    {
        var run = Build();

        run.Status.ShouldBe(0, run.Error);
        run.Output.ShouldMatch(@"read +41\b");
        run.Output.ShouldMatch(@"empty +1\b");
        run.Output.ShouldMatch(@"held out +4 ");
        run.Output.ShouldMatch(@"training +36 ");
    }

    [Fact]
    public void A_document_that_names_the_end_of_text_does_not_end_there()
    {
        Build();

        using var domain = DomainData.Open(Path("out"));
        for (var i = 0; i < domain.Train.DocumentCount; i++)
        {
            var (start, length) = domain.Train.Document(i);
            var ids = new int[length];
            domain.Train.Read(start, ids);
            ids.Count(id => id == domain.Report.EndOfTextId).ShouldBe(1);
            ids[^1].ShouldBe(domain.Report.EndOfTextId);
        }
    }

    [Fact]
    public void Json_is_the_report()
    {
        using var result = JsonDocument.Parse(Build("--json").Output);

        result.RootElement.GetProperty("documents_read").GetInt64().ShouldBe(40);
        result.RootElement.GetProperty("held_out").GetProperty("documents").GetInt64().ShouldBe(4);
        File.ReadAllText(Path("out", "report.json")).ShouldContain("\"documents_read\": 40");
    }

    [Fact]
    public void Inspecting_a_domain_shows_its_text()
    {
        Build();

        var run = CommandLineRun.Of("data", "inspect", Path("out"), "--tokenizer", Tokenizer, "--documents", "2");

        run.Status.ShouldBe(0, run.Error);
        run.Output.ShouldContain("near-duplicates, removed");
        run.Output.Split("speaks of").Length.ShouldBe(5);
        run.Output.ShouldContain("tokens (uint16, ids up to");
    }

    [Fact]
    public void Inspecting_a_prefix_shows_ids()
    {
        Build();

        using var result = JsonDocument.Parse(CommandLineRun.Of("data", "inspect", Path("out", "train"), "--json").Output);

        var shard = result.RootElement.GetProperty("shards").EnumerateArray().ShouldHaveSingleItem();
        shard.GetProperty("documents").GetInt64().ShouldBe(36);
        shard.GetProperty("token_type").GetString().ShouldBe("uint16");
        shard.GetProperty("heads")[0].GetProperty("head").GetString()!.ShouldMatch("^[0-9]+( [0-9]+)+$");
    }

    [Fact]
    public void An_interruption_ends_the_reading_with_130()
    {
        Build();
        using var source = new CancellationTokenSource();
        source.Cancel();
        var run = CommandLineRun.Of(source.Token, "data", "inspect", Path("out", "train"));
        run.Status.ShouldBe(ExitStatus.Interrupted, run.Error);
        run.Output.ShouldBeEmpty();
    }

    [Fact]
    public void Another_tokenizer_is_refused()
    {
        Build();

        var run = CommandLineRun.Of(
            "data", "inspect", Path("out"), "--tokenizer", RepositoryRoot.PathOf("tests", "fixtures", "tokenizers", "llama3"));

        run.Status.ShouldBe(2);
        run.Error.ShouldContain("--tokenizer: expected the tokenizer that the domain was built with, found another");
    }

    [Theory]
    [InlineData("--input", "missing.txt", "missing.txt: does not exist")]
    [InlineData("--held-out-max-tokens", "-1", "the most held-out tokens: expected 0 or more, found -1")]
    [InlineData("--text-key", "body", "in.jsonl:1: expected the field \"body\", found only \"text\"")]
    public void A_wrong_request_costs_one_line(string option, string value, string message)
    {
        var run = option == "--input"
            ? CommandLineRun.Of("data", "build", "--input", Path(value), "--tokenizer", Tokenizer, "--output", Path("out"))
            : Build(option, value);

        run.Status.ShouldBe(2);
        run.Error.ShouldContain(message);
        run.Error.Trim().ShouldNotContain("\n");
        Directory.Exists(Path("out")).ShouldBeFalse();
    }

    private CommandLineRun Build(params string[] more) => CommandLineRun.Of(
        [
            "data", "build", "--input", Path("in.jsonl"), "--tokenizer", Tokenizer, "--output", Path("out"),
            "--held-out-fraction", "0.11", "--near-duplicate-similarity", "1", "--contamination-share", "1", .. more,
        ]);

    private string Path(params string[] names) => System.IO.Path.Combine([root, .. names]);
}
