using System.Globalization;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>A trained tokenizer replaces an earlier one, and nothing of the user's.</summary>
public sealed class TokenizerReplacesOwnFilesTests : OwnFilesCase
{
    [Theory]
    [InlineData("raw/1.txt", "lies in the input ")]
    [InlineData("./raw/../raw/1.txt", "lies in the input ")]
    [InlineData("link.txt", "lies in the input ")]
    [InlineData("hard.txt", "with other content")]
    [InlineData("raw/tokenizer.json", "lies in the input ")]
    public void A_tokenizer_is_not_written_over_or_among_its_text(string output, string how)
    {
        File.CreateSymbolicLink(files["link.txt"], "raw/1.txt");
        Link("raw/1.txt", "hard.txt");
        var run = CommandLineRun.Of("tokenizer", "train", files["raw"], "--vocab-size", "300", "--output", files[output]);
        MustRefuse(run, contains: how);
    }

    [Fact]
    public void A_tokenizer_replaces_one_that_was_trained_an_empty_file_and_nothing_else()
    {
        Write("notes.md", "precious");
        Write("settings.json", """{"mine": 1}""");
        Write("empty", "");
        MustRefuse(
            Train("notes.md"),
            $"{files["notes.md"]}: expected a new file, or a tokenizer.json that 'bam tokenizer train' wrote, found one with "
            + "other content; choose another name");
        MustRefuse(Train("settings.json"), contains: "with other content");
        Train("tok.json").Status.ShouldBe(0);
        Train("empty").Status.ShouldBe(0);
    }

    [Theory]
    [InlineData("gpt2", "<|endoftext|>")]
    [InlineData("llama3", "</s>")]
    [InlineData("cohere", "«é»")]
    [InlineData("gpt-neox", "\"a\\b\"")]
    public void A_trained_tokenizer_of_every_style_is_replaced(string style, string specialToken)
    {
        foreach (var size in (string[])["260", "259"])
        {
            var run = CommandLineRun.Of(
                "tokenizer", "train", files["raw"], "--vocab-size", size, "--style", style, "--special-token", specialToken,
                "--output", files["own.json"]);
            run.Status.ShouldBe(0, run.Error);
            Tokenizer.Load(files["own.json"]).VocabSize.ShouldBe(int.Parse(size, CultureInfo.InvariantCulture));
        }
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    public void A_tokenizer_of_others_stays(string name)
    {
        Write(
            "others/tokenizer.json",
            File.ReadAllText(RepositoryRoot.PathOf("tests", "fixtures", "tokenizers", name, "tokenizer.json")));
        File.CreateSymbolicLink(files["link.json"], "others/tokenizer.json");
        MustRefuse(Train("others"), NotTrained("others/tokenizer.json"));
        MustRefuse(Train("others/tokenizer.json"), NotTrained("others/tokenizer.json"));
        MustRefuse(Train("link.json"), NotTrained("link.json"));
    }

    [Theory]
    [InlineData("\"Ġ\"", "\"Ġ \"")]
    [InlineData("\"normalized\": false", "\"normalized\": true")]
    [InlineData("\"post_processor\": null", "\"post_processor\":  null")]
    public void A_trained_tokenizer_that_was_changed_stays(string from, string to)
    {
        Write("changed.json", File.ReadAllText(files["tok.json"]).Replace(from, to, StringComparison.Ordinal));
        MustRefuse(Train("changed.json"), NotTrained("changed.json"));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("model-q8.gguf")]
    public void The_tokenizer_of_a_model_stays(string file)
    {
        Write($"mine/{file}", "");
        Write("mine/tokenizer.json", File.ReadAllText(files["tok.json"]));
        File.CreateSymbolicLink(files["link.json"], "mine/tokenizer.json");
        foreach (var output in (string[])["mine", "link.json"])
            MustRefuse(Train(output), contains: "which belongs to that model; choose another name");
        MustRefuse(
            Train("mine/tokenizer.json"),
            $"{files["mine/tokenizer.json"]}: expected a new file, or a tokenizer.json that 'bam tokenizer train' wrote, "
            + $"found one beside {files[$"mine/{file}"]}, which belongs to that model; choose another name");
        File.Delete(files[$"mine/{file}"]);
        written.Clear();
        Train("link.json").Status.ShouldBe(0);
        Tokenizer.Load(files["mine"]).VocabSize.ShouldBe(280);
    }

    [Fact]
    public void A_slash_at_the_end_means_a_directory()
    {
        Train("new/").Status.ShouldBe(0);
        Tokenizer.Load(files["new/tokenizer.json"]).VocabSize.ShouldBe(280);
        Train("new/").Status.ShouldBe(0);
        Write("notes.md", "precious");
        MustRefuse(Train("notes.md/"), $"{files["notes.md"]}: expected a directory to write, found a file; choose another name");
    }

    private CommandLineRun Train(string output) =>
        CommandLineRun.Of("tokenizer", "train", files["raw"], "--vocab-size", "280", "--output", files[output]);

    private string NotTrained(string name) =>
        $"{files[name]}: expected a new file, or a tokenizer.json that 'bam tokenizer train' wrote, found one with other "
        + "content; choose another name";
}
