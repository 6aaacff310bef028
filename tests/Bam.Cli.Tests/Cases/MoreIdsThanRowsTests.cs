using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>
/// A fine-tune whose tokenizer has an added token, &lt;pad&gt; with id 160, that the model of 160 rows has no row for; the seed
/// lacks the token.
/// </summary>
public sealed class MoreIdsThanRowsTests : IDisposable
{
    private const string Missing = "<pad> (id 160) has no row in the embedding (vocab_size 160)";

    private readonly CaseFiles files = new("more-ids-than-rows");

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_prompt_without_the_token_is_continued_and_one_with_it_refused()
    {
        Done("generate", files["model"], "--prompt", "the", "--max-tokens", "4").Error
            .ShouldStartWith($"warning: {files["model"]}: {Missing}; text that holds such a token is refused\n");
        Refused("generate", files["model"], "--prompt", "the <pad>")
            .ShouldEndWith(
                "bam: the prompt: expected tokens that the model has a row for (vocab_size 160), found <pad> (id 160); take it "
                + "out of the text\n");
    }

    [Theory]
    [InlineData("seed", "model")]
    [InlineData("model", "seed")]
    public void Models_with_and_without_it_are_mixed(string seed, string expert)
    {
        Mix(seed, expert).Error.ShouldContain(
            $"warning: {files["model/tokenizer.json"]}: {Missing}; --resize-embeddings gives the mixture one for each\n");
        Config("mixture")["vocab_size"]!.GetValue<int>().ShouldBe(160);
        File.ReadAllBytes(files["mixture/tokenizer.json"]).ShouldBe(File.ReadAllBytes(files[$"{seed}/tokenizer.json"]));
    }

    [Theory]
    [InlineData("seed", "model")]
    [InlineData("model", "model")]
    public void Resized_the_mixture_has_a_row_for_it(string seed, string expert)
    {
        Mix(seed, expert, "--resize-embeddings").Error
            .ShouldContain(
                $"warning: {files["model/tokenizer.json"]}: {Missing} of any model; the mixture has one for each, the mean of "
                + "its other rows\n");
        Config("mixture")["vocab_size"]!.GetValue<int>().ShouldBe(161);
        var run = Done("generate", files["mixture"], "--prompt", "the <pad>", "--max-tokens", "2");
        run.Error.ShouldNotContain("warning");
    }

    [Fact]
    public void Data_without_the_token_is_measured_and_trained_on()
    {
        Build("plain.jsonl");
        Done(
            "eval", "perplexity", files["model"], "--data", files["data"], "--window",
            "16").Error.ShouldContain($"warning: {files["model"]}: {Missing}; ");
        Done("train", Training()).Error.ShouldContain($"warning: {files["model/tokenizer.json"]}: the model: {Missing}; ");
    }

    [Fact]
    public void An_interruption_ends_the_reading_of_the_ids()
    {
        Build("plain.jsonl");
        var training = Training();
        using var source = new CancellationTokenSource();
        source.Cancel();
        var run = CommandLineRun.Of(source.Token, "train", training);
        run.Status.ShouldBe(ExitStatus.Interrupted, run.Error);
        run.Error.ShouldNotContain("after step");
        Directory.Exists(files["run"]).ShouldBeFalse();
    }

    [Fact]
    public void A_document_that_mentions_a_special_token_does_not_hold_it()
    {
        Build("with-pad.jsonl");
        Done("eval", "perplexity", files["model"], "--data", files["data"], "--window", "16");
    }

    [Theory]
    [InlineData("0", "train", true)]
    [InlineData("0.5", "heldout", false)]
    public void Data_that_holds_it_is_refused_by_the_document(string heldOut, string shard, bool isTrained)
    {
        ChangeTokenizer(json => json["added_tokens"]![3]!["special"] = false);
        File.WriteAllLines(files["held.jsonl"], Enumerable.Range(0, 20).Select(i => $$"""{"text": "an odd <pad> one {{i}}"}"""));
        Build("held.jsonl", "--held-out-fraction", heldOut);
        var message = isTrained
            ? Refused("train", Training())
            : Refused("eval", "perplexity", files["model"], "--data", files["data"], "--window", "8");
        message.ShouldContain($"bam: {files[$"data/{shard}.bin"]}, document 0, token ");
        message.ShouldContain(
            ": expected an id from 0 to 159, found 160; the model has no row for it: take it out of the documents and build "
            + "the data again");
    }

    [Fact]
    public void Held_out_text_that_holds_it_is_refused_before_training()
    {
        ChangeTokenizer(json => json["added_tokens"]![3]!["special"] = false);
        File.WriteAllLines(files["held.jsonl"], Enumerable.Range(0, 20).Select(i => $$"""{"text": "an odd <pad> one {{i}}"}"""));
        Build("held.jsonl", "--held-out-fraction", "0.5");
        File.WriteAllBytes(
            files["data/train.bin"],
            [.. File.ReadAllBytes(files["data/train.bin"]).Select(part => part == 160 ? (byte)5 : part)]);
        Refused("train", Training("evaluate_every: 1")).ShouldContain("heldout.bin, document 0, token ");
        Directory.Exists(files["run"]).ShouldBeFalse();
    }

    [Fact]
    public void Router_texts_are_refused_by_the_document()
    {
        ChangeTokenizer(json => json["added_tokens"]![3]!["special"] = false);
        Refused(
            "mix", "btx", "--seed", files["model"], "--expert", files["model"], "--router-text", files["plain.jsonl"],
            "--router-text", files["with-pad.jsonl"], "--output", files["mixture"])
            .ShouldContain(
                $"bam: {files["with-pad.jsonl"]}, document 41: expected tokens that the model has a row for (vocab_size 160), "
                + "found <pad> (id 160); take it out of the text\n");
    }

    [Fact]
    public void The_vocabulary_proper_needs_rows()
    {
        ChangeTokenizer(json => json["model"]!["vocab"]!["<pad>"] = 160);
        Refused("generate", files["model"], "--prompt", "the")
            .ShouldContain(
                "expected a vocab_size of at least 161, the tokenizer's, found 160; use the tokenizer that the model was "
                + "trained with\n");
        Refused("mix", "btx", "--seed", files["seed"], "--expert", files["model"], "--output", files["mixture"])
            .ShouldContain(
                $"bam: {files["model/tokenizer.json"]}: expected ids below vocab_size = 160, found id 160; it belongs to "
                + "another model\n");
        Refused(
            "mix", "btx", "--seed", files["seed"], "--expert", files["model"], "--resize-embeddings", "--output",
            files["mixture"]).ShouldContain("it belongs to another model\n");
    }

    private CommandLineRun Mix(string seed, string expert, params string[] options) =>
        Done(["mix", "btx", "--seed", files[seed], "--expert", files[expert], "--output", files["mixture"], .. options]);

    private void Build(string input, params string[] options) =>
        Done(["data", "build", "--input", files[input], "--tokenizer", files["model"], "--output", files["data"], .. options]);

    private string Training(string settings = "")
    {
        File.WriteAllText(files["train.yaml"], $$"""
            model: model
            output: run
            data: [{domain: text, path: data}]
            sequence_length: 8
            batch_size: 1
            learning_rate: 0.001
            steps: 2
            {{settings}}
            """);
        return files["train.yaml"];
    }

    private JsonNode Config(string model) => JsonNode.Parse(File.ReadAllText(files[$"{model}/config.json"]))!;

    private void ChangeTokenizer(Action<JsonNode> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(files["model/tokenizer.json"]))!;
        change(json);
        File.WriteAllText(files["model/tokenizer.json"], json.ToJsonString());
    }

    private static CommandLineRun Done(params string[] arguments)
    {
        var run = CommandLineRun.Of(arguments);
        run.Status.ShouldBe(0, run.Error);
        return run;
    }

    private static string Refused(params string[] arguments)
    {
        var run = CommandLineRun.Of(arguments);
        run.Status.ShouldBe(2, run.Error);
        return run.Error;
    }
}
