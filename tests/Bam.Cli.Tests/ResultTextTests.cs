using Shouldly;
using Spectre.Console;
using Xunit;

namespace Bam.Cli.Tests;

/// <summary>What comes from files commands no terminal and forges no line of a result.</summary>
public sealed class ResultTextTests : IDisposable
{
    private const string Hostile = "law\u001b[2J\u202Etxt\nparameters 5", Shown = @"law\u001b[2J\u202etxt\u000aparameters 5";

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Labels_are_escaped()
    {
        using var output = new StringWriter();
        var console = Consoles.ForResults(output);
        console.Write(new Table().AddColumn(ResultText.Label(Hostile)));
        console.LabelledLine($"[grey]{Hostile}[/] {1234.5:N1}");
        output.ToString().ShouldContain(Shown);
        output.ToString().ShouldEndWith($"{Shown} 1,234.5\n");
    }

    [Fact]
    public void Nothing_in_a_name_becomes_a_picture()
    {
        const string Name = "runs:bug:[x]/law :smile: :no_such_word: a:b";
        using var output = new StringWriter();
        var console = Consoles.ForResults(output);
        console.LabelledLine($"[bold]{Name}[/] {7} :");
        console.Write(new Table().AddColumn(ResultText.Label(Name)).AddRow(ResultText.Label(Name)));
        output.ToString().ShouldStartWith($"{Name} 7 :\n");
        output.ToString().Split(Name).Length.ShouldBe(4);
    }

    [Theory]
    [InlineData("a\u001b[31m\rb\u009b1m\tc\n", "a\uFFFD[31m\uFFFDb\uFFFD1m\tc\n")]
    [InlineData("שלום \u200Fעולם 👩\u200D🚀\n", "שלום \u200Fעולם 👩\u200D🚀\n")]
    public void A_terminal_gets_text_without_controls(string text, string shown) => ResultText.ForTerminal(text).ShouldBe(shown);

    [Fact]
    public void Json_escapes_them_and_reads_back_the_same()
    {
        var json = JsonResult.Serialize(new { Name = Hostile + "\u007f\u0085\u2028\u2066é本" });
        json.ShouldContain(@"law\u001b[2J\u202etxt\nparameters 5\u007F\u0085\u2028\u2066é本");
        System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("name").GetString()
            .ShouldBe(Hostile + "\u007f\u0085\u2028\u2066é本");
    }

    [Fact]
    public void Json_escapes_hidden_characters_beyond_the_first_plane()
    {
        var json = JsonResult.Serialize(new { Name = "a\U000E0001b\U0001D173" });
        json.ShouldContain(@"a\udb40\udc01b\ud834\udd73", Case.Insensitive);
        System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("name").GetString().ShouldBe("a\U000E0001b\U0001D173");
    }

    [Fact]
    public void Data_inspect_shows_names_and_heads_escaped()
    {
        var tokenizer = RepositoryRoot.PathOf("tests", "fixtures", "tokenizers", "gpt2", "tokenizer.json");
        var (input, domain) = (Path.Combine(root, "in.jsonl"), Path.Combine(root, "domain"));
        var texts = Enumerable.Range(0, 20).Select(i => $"\u001b[2J\u202E\tDocument {i}\nsays {i * 7919}");
        File.WriteAllLines(input, texts.Select(text => System.Text.Json.JsonSerializer.Serialize(new { text })));
        var build = CommandLineRun.Of(
            "data", "build", "--input", input, "--tokenizer", tokenizer, "--output", domain, "--name", Hostile,
            "--held-out-fraction", "0.2", "--near-duplicate-similarity", "1", "--contamination-share", "1");
        build.Status.ShouldBe(0, build.Error);
        build.Output.ShouldContain(Shown);
        var run = CommandLineRun.Of("data", "inspect", domain, "--tokenizer", tokenizer);
        run.Status.ShouldBe(0, run.Error);
        run.Output.ShouldContain(Shown);
        run.Output.ShouldMatch(@"\\u001b\[2J\\u202e Document \d+ says \d+");
        run.Output.ShouldNotContain("\u001b");
        run.Output.ShouldNotContain("\u202E");
    }

    [Fact]
    public void Views_draw_files_texts_by_these_functions_only()
    {
        string[] raw = ["Markup.Escape(", "MarkupLineInterpolated(", "MarkupInterpolated(", "new Text("];
        foreach (var file in Directory.GetFiles(RepositoryRoot.PathOf("src", "Bam.Cli", "Commands"), "*.cs"))
            raw.Where(File.ReadAllText(file).Contains).ShouldBeEmpty($"{Path.GetFileName(file)}: use {nameof(ResultText)}");
    }
}
