using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>
/// The seed's tokenizer has merges as texts and lacks later keys, the expert's has pairs, every default and a truncation.
/// </summary>
public sealed class TokenizerSavedByAnotherVersionTests : IDisposable
{
    private readonly CaseFiles files = new("tokenizer-saved-by-another-version");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("bam")]
    [InlineData("btx")]
    [InlineData("soup")]
    public void Both_are_one_tokenizer(string method)
    {
        foreach (var run in new[] { Mix(method), Mix(method, "--resize-embeddings") })
        {
            run.Status.ShouldBe(0, run.Error);
            run.Error.ShouldNotContain("warning");
        }

        File.ReadAllBytes(files["mixture/tokenizer.json"]).ShouldBe(File.ReadAllBytes(files["seed/tokenizer.json"]));
    }

    [Fact]
    public void The_two_models_are_the_same() =>
        CommandLineRun.Of("inspect", files["seed"], files["expert"]).Output.ShouldContain("are the same");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Another_tokenizer_is_refused_by_the_place_where_it_differs(bool resize)
    {
        Change("expert", json => json["model"]!["ignore_merges"] = true);
        var run = Mix("btx", resize ? ["--resize-embeddings"] : []);
        run.Status.ShouldBe(2);
        run.Error.ShouldContain("model.ignore_merges: expected ");
    }

    [Fact]
    public void A_decoder_that_makes_other_text_is_warned_of()
    {
        Change("expert", json => json["decoder"]!["decoders"]!.AsArray().RemoveAt(2));
        var run = Mix("btx");
        run.Status.ShouldBe(0);
        run.Error.ShouldContain(
            $"warning: {files["expert/tokenizer.json"]}: decoder.decoders differs from that of {files["seed/tokenizer.json"]}, "
            + "which the mixture takes; ids are the same\n");
    }

    private CommandLineRun Mix(string method, params string[] options) =>
        CommandLineRun.Of(
            ["mix", method, "--seed", files["seed"], "--expert", files["expert"], "--output", files["mixture"], .. options]);

    private void Change(string model, Action<JsonNode> change)
    {
        var path = files[$"{model}/tokenizer.json"];
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }
}
