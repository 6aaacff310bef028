using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>The verbs tokenizer encode and tokenizer decode.</summary>
public sealed class TokenizerTextTests : IDisposable
{
    private static readonly string Llama2 = RepositoryRoot.PathOf("tests", "fixtures", "tokenizers", "llama2");

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Texts_become_lines_of_ids_and_ids_the_texts()
    {
        var texts = Write("texts.jsonl", """{"text":"the router"}""" + "\n" + """{"text":"é \u4e2d\n"}""" + "\n");
        var run = CommandLineRun.Of("tokenizer", "encode", texts, "--tokenizer", Llama2);
        run.ShouldBeDone();
        run.Output.Split('\n').Length.ShouldBe(3);
        run.Output.ShouldStartWith("1 "); // <s>
        var ids = Write("ids.txt", run.Output);
        var json = CommandLineRun.Of("tokenizer", "decode", ids, "--tokenizer", Llama2, "--skip-special-tokens", "--json");
        json.ShouldBeDone();
        JsonSerializer.Deserialize<string[]>(json.Output).ShouldBe(["the router", "é 中\n"]);
        CommandLineRun.Of("tokenizer", "decode", ids, "--tokenizer", Llama2).Output.ShouldBe("<s> the router\n<s> é 中\n\n");
    }

    [Fact]
    public void Without_special_tokens_the_template_is_left_out_and_json_is_lists()
    {
        var text = Write("a.txt", "the router");
        var with = Ids(CommandLineRun.Of("tokenizer", "encode", text, "--tokenizer", Llama2, "--json"));
        var without = Ids(CommandLineRun.Of("tokenizer", "encode", text, "--tokenizer", Llama2, "--no-special-tokens", "--json"));
        with.ShouldBe([1, .. without]);
        var lists = Write("ids.json", $"[{string.Join(", ", without)}]");
        CommandLineRun.Of("tokenizer", "decode", lists, "--tokenizer", Llama2).Output.ShouldBe("the router\n");

        static int[] Ids(CommandLineRun run) => JsonSerializer.Deserialize<int[][]>(run.Output)!.ShouldHaveSingleItem();
    }

    [Fact]
    public void A_text_of_the_command_line_stands_in_place_of_files()
    {
        var file = Write("a.txt", "the router");
        CommandLineRun.Of("tokenizer", "encode", "--text", "the router", "--tokenizer", Llama2).Output
            .ShouldBe(CommandLineRun.Of("tokenizer", "encode", file, "--tokenizer", Llama2).Output);
        CommandLineRun.Of("tokenizer", "encode", file, "--text", "a", "--tokenizer", Llama2).Error
            .ShouldBe("bam: --text: expected either a text or files, found both; leave one out\n");
        CommandLineRun.Of("tokenizer", "encode", "--tokenizer", Llama2).Error
            .ShouldBe("bam: TEXT is missing: name files, or give a text with --text; try: bam tokenizer encode --help\n");
    }

    [Theory]
    [InlineData("3 4\n5 x\n", "ids.txt, line 2: expected ids below ")]
    [InlineData("99999\n", "ids.txt, line 1: expected ids below ")]
    [InlineData("-1\n", "found -1; give the ids of this tokenizer")]
    public void Ids_of_no_token_cost_one_line(string content, string message)
    {
        var run = CommandLineRun.Of("tokenizer", "decode", Write("ids.txt", content), "--tokenizer", Llama2);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.TrimEnd('\n').Split('\n')[^1].ShouldContain(message);
    }

    [Fact]
    public void Empty_lines_are_empty_texts_but_not_at_the_end()
    {
        var run = CommandLineRun.Of(
            "tokenizer", "decode", Write("ids.txt", "\uFEFF\n347\r\n\n347\n\n\n"), "--tokenizer", Llama2, "--json");
        run.ShouldBeDone();
        JsonSerializer.Deserialize<string[]>(run.Output).ShouldBe(["", "the", "", "the"]);
    }

    [Fact]
    public void Ids_that_are_no_text_are_refused_by_their_line()
    {
        var path = Path.Combine(root, "ids.txt");
        File.WriteAllBytes(path, [.. "278\n"u8, 0xFF]);
        var run = CommandLineRun.Of("tokenizer", "decode", path, "--tokenizer", Llama2);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.Trim().ShouldBe($"bam: {path}: expected UTF-8 text, found other bytes in line 1 or after it; save it as UTF-8");
    }

    [Fact]
    public void A_missing_tokenizer_is_named()
    {
        var run = CommandLineRun.Of("tokenizer", "encode", Write("a.txt", "a"), "--tokenizer", Path.Combine(root, "none"));
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldContain("expected a tokenizer.json of Hugging Face's tokenizers, found no such file");
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(root, name);
        File.WriteAllText(path, text);
        return path;
    }
}
