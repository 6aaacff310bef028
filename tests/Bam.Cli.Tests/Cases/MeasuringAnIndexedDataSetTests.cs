using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class MeasuringAnIndexedDataSetTests : IDisposable
{
    private readonly CaseFiles files = new("measuring-an-indexed-data-set");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("valid_text_document")]
    [InlineData("valid_text_document.bin")]
    [InlineData("valid_text_document.idx")]
    public void All_tokens_are_measured_under_the_files_name(string data)
    {
        using var result = JsonDocument.Parse(Measure(data, "--json").Output);

        var figures = result.RootElement.GetProperty("models")[0].GetProperty("domains").GetProperty("valid_text_document");
        figures.GetProperty("tokens").GetInt64().ShouldBe((new FileInfo(files["valid_text_document.bin"]).Length / 2) - 1);
        figures.GetProperty("perplexity").GetDouble().ShouldBeInRange(1, 1000);
        figures.GetProperty("bits_per_byte").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public void Bits_per_byte_are_left_out_where_they_are_not_known()
    {
        var run = Measure("valid_text_document");

        run.Status.ShouldBe(0, run.Error);
        run.Output.ShouldContain("valid_text_document");
        run.Output.ShouldNotContain("bits per UTF-8 byte");
    }

    [Fact]
    public void Windows_may_begin_with_the_models_begin_token()
    {
        using var result = JsonDocument.Parse(Measure("valid_text_document", "--bos", "window", "--json").Output);

        result.RootElement.GetProperty("models")[0].GetProperty("domains").GetProperty("valid_text_document")
            .GetProperty("tokens").GetInt64()
            .ShouldBe(new FileInfo(files["valid_text_document.bin"]).Length / 2);
    }

    [Fact]
    public void Ids_that_the_model_does_not_know_are_named()
    {
        var bin = File.ReadAllBytes(files["valid_text_document.bin"]);
        bin[^1] = 1;
        File.WriteAllBytes(files["valid_text_document.bin"], bin);
        var run = Measure("valid_text_document");

        run.Status.ShouldBe(2);
        run.Error.ShouldMatch(@"valid_text_document\.bin, document \d+, token 272: expected an id from 0 to 63, found \d+; ");
    }

    [Fact]
    public void An_interruption_ends_the_reading_of_the_ids()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        var bin = File.ReadAllBytes(files["valid_text_document.bin"]);
        bin[^1] = 1;
        File.WriteAllBytes(files["valid_text_document.bin"], bin);
        CommandLineRun.Of(
            source.Token, "eval", "perplexity", files["model"], "--data",
            files["valid_text_document"]).Status.ShouldBe(ExitStatus.Interrupted);
    }

    [Fact]
    public void What_is_neither_a_directory_nor_a_data_set_is_refused()
    {
        var run = Measure("nothing");

        run.Status.ShouldBe(2);
        run.Error.ShouldContain(
            "nothing: expected a directory that 'bam data build' made, for its held-out text, or the path of a .bin and .idx, "
            + "found no .idx there; ");
    }

    [Theory]
    [InlineData("valid_text_document")]
    [InlineData("valid_text_document.bin")]
    public void It_is_not_taken_for_text(string input)
    {
        var run = CommandLineRun.Of("tokenizer", "train", files[input], "--vocab-size", "300", "--output", files["t.json"]);

        run.Status.ShouldBe(2);
        run.Error.ShouldContain("is an indexed data set, which holds token ids and no text; ");
    }

    private CommandLineRun Measure(string data, params string[] more) =>
        CommandLineRun.Of(["eval", "perplexity", files["model"], "--data", files[data], .. more]);
}
