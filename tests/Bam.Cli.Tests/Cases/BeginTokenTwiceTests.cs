using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>The case has no files: any model with such a tokenizer does, here the one of data without begin tokens.</summary>
public sealed class BeginTokenTwiceTests : IDisposable
{
    private const string Warning =
        "begins with \"<s>\" (id 1), which the tokenizer puts before every text, so that it is there twice; take it out of the "
        + "text, or give --no-special-tokens";

    private readonly CaseFiles files = new("no-begin-token-in-data");

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_text_that_begins_with_the_templates_token_keeps_its_ids_and_is_warned_of_once()
    {
        File.WriteAllText(files["p.jsonl"], "{\"text\": \"<s>man\"}\n{\"text\": \"<s>and\"}\n");
        var run = Encode("p.jsonl");

        run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldAllBe(line => line.StartsWith("1 1 "));
        run.Error.ShouldBe($"warning: a text {Warning}\n");
        Encode("p.jsonl", "--no-special-tokens").Error.ShouldBeEmpty();
        Encode("text.jsonl").Error.ShouldBeEmpty();
    }

    [Fact]
    public void A_prompt_likewise()
    {
        var (twice, once, without) = (Generate("<s>man"), Generate("man"), Generate("<s>man", "--no-special-tokens"));

        twice.Error.ShouldContain($"warning: the prompt {Warning}");
        once.Error.ShouldNotContain("warning");
        without.Error.ShouldNotContain("warning");
        PromptTokens(twice).ShouldBe(PromptTokens(once) + 1);
        PromptTokens(without).ShouldBe(PromptTokens(once));
    }

    [Theory]
    [InlineData("</s>")]
    [InlineData("<unk>")]
    public void A_special_token_is_a_stop_string(string stop) => Generate("man", "--stop", stop).Status.ShouldBe(0);

    [Fact]
    public void A_special_token_beside_other_text_is_refused_as_a_stop_string()
    {
        var run = Generate("man", "--stop", "</s>[INST]");

        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            "bam: --stop \"</s>[INST]\": expected text, or one special token, found the special token \"</s>\" beside other "
            + "text; give \"</s>\" alone\n");
    }

    private CommandLineRun Encode(string name, params string[] more) =>
        CommandLineRun.Of(["tokenizer", "encode", files[name], "--tokenizer", files["model"], .. more]);

    private CommandLineRun Generate(string prompt, params string[] more) =>
        CommandLineRun.Of(
            ["generate", files["model"], "--prompt", prompt, "--temperature", "0", "--max-tokens", "3", "--json", .. more]);

    private static int PromptTokens(CommandLineRun run) =>
        JsonDocument.Parse(run.Output).RootElement.GetProperty("prompt_tokens").GetInt32();
}
