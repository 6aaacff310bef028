using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

public class CommandLineTests
{
    [Fact]
    public void Without_arguments_the_verbs_are_listed_on_standard_output()
    {
        var run = CommandLineRun.Of();
        run.Status.ShouldBe(0);
        run.Output.ShouldContain("bam [command] [options]");
        run.Output.ShouldContain("doctor");
        run.Error.ShouldBeEmpty();
    }

    [Fact]
    public void Version_is_one_line()
    {
        var run = CommandLineRun.Of("--version");
        run.Status.ShouldBe(0);
        run.Output.ShouldMatch(@"^bam \d+\.\d+\.\d+\S*\n$");
    }

    [Theory]
    [InlineData("unknown argument 'doctr', did you mean 'doctor'; try: bam --help", "doctr")]
    [InlineData("unknown option '--jsn', did you mean '--json'; try: bam doctor --help", "doctor", "--jsn")]
    [InlineData("unknown argument 'there'; try: bam doctor --help", "doctor", "there")]
    [InlineData("unknown argument '@file'; try: bam doctor --help", "doctor", "@file")]
    [InlineData(
        "--output: expected a value, found an empty one; give one, or set the shell variable that it comes from",
        "export", "model", "--format", "hf", "--output", "")]
    [InlineData(
        "--max-tokens: expected an integer, found 'x'; try: bam generate --help", "generate", "model", "--max-tokens", "x")]
    [InlineData(
        "--top-k: expected an integer, found '2147483648'; try: bam cost --help", "cost", "small", "--top-k", "2147483648")]
    [InlineData(
        "--seeds: expected an integer, found '1', '0.5'; try: bam run --help", "run", "recipe.yaml", "--seeds", "1", "0.5")]
    [InlineData(
        "--temperature: expected a number, found 'hot'; try: bam generate --help", "generate", "model", "--temperature", "hot")]
    [InlineData(
        "MODEL: expected a value, found an empty one; give one, or set the shell variable that it comes from", "inspect", "")]
    [InlineData(
        "unknown option '--windw', did you mean '--window'; try: bam eval perplexity --help, or ./--windw if it is a file",
        "eval", "perplexity", "model", "--data", "law", "--windw", "64")]
    [InlineData(
        "unknown option '--windw', did you mean '--window'; try: bam eval perplexity --help, or ./--windw if it is a file",
        "eval", "perplexity", "--windw=64", "model", "--data", "law")]
    [InlineData(
        "unknown option '--jsn', did you mean '--json'; try: bam inspect --help, or ./--jsn if it is a file", "inspect", "model",
        "--jsn")]
    [InlineData(
        "unknown option '--vocb-size', did you mean '--vocab-size'; try: bam tokenizer train --help, or ./--vocb-size if it is "
            + "a file",
        "tokenizer", "train", "text", "--vocb-size", "300", "--output", "x")]
    [InlineData(
        "unknown option '--stlye', did you mean '--style'; try: bam tokenizer train --help, or ./--stlye if it is a file",
        "tokenizer", "train", "text", "--json", "--stlye", "gpt2", "--vocab-size", "300", "--output", "x")]
    [InlineData(
        "./--no-such: does not exist; expected a checkpoint directory with config.json and model.safetensors", "inspect",
        "./--no-such")]
    public void A_wrong_command_line_costs_one_line_and_status_2(string line, params string[] arguments)
    {
        var run = CommandLineRun.Of(arguments);
        run.Status.ShouldBe(2);
        run.Output.ShouldBeEmpty();
        run.Error.ShouldBe($"bam: {line}\n");
    }

    [Theory]
    [InlineData("inspect", "--", "--jsn")]
    [InlineData("inspect", "-")]
    [InlineData("tokenizer", "decode", "-1", "--tokenizer", "none")]
    [InlineData("generate", "none", "--prompt", "--words")]
    [InlineData(
        "tokenizer", "train", "none", "--vocab-size", "300", "--output", "x", "--special-token", "--a", "--special-token=-b")]
    [InlineData("inspect", "none", "--jsn", "--help")]
    public void A_word_that_only_looks_like_an_option_is_none(params string[] arguments) =>
        CommandLineRun.Of(arguments).Error.ShouldNotContain("unknown option");

    [Fact]
    public void Json_is_the_whole_of_standard_output()
    {
        var run = CommandLineRun.Of("doctor", "--json");
        using var document = JsonDocument.Parse(run.Output);
        document.RootElement.GetProperty("machine").GetProperty("cores").GetInt32().ShouldBe(Environment.ProcessorCount);
    }
}
