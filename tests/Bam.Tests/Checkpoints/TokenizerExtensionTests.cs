using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Tests.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

public sealed class TokenizerExtensionTests : IDisposable
{
    private const int Next = TinyTokenizer.FirstAdded + 1;

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_tokenizer_extends_itself_and_what_it_adds_to()
    {
        Conflict(_ => { }).ShouldBeNull();
        Conflict(json => json["added_tokens"]!.AsArray().Add(TinyTokenizer.Added(Next, "<b>"))).ShouldBeNull();
        Conflict(json =>
        {
            json["model"]!["vocab"]!["hex"] = Next;
            json["model"]!["merges"]!.AsArray().Add(new JsonArray("he", "x"));
        }).ShouldBeNull();
        Conflict(json => json["padding"] = new JsonObject()).ShouldBeNull();
    }

    [Fact]
    public void The_first_conflict_is_named()
    {
        Conflict(json => json["added_tokens"]![0]!["content"] = "<b>").ShouldBe(("id 259", "\"<a>\"", "\"<b>\""));
        Conflict(json => json["added_tokens"] = new JsonArray()).ShouldBe(("id 259", "\"<a>\"", "no token"));
        Conflict(json => json["model"]!["vocab"]!["the"] = 300).ShouldBe(("id 257", "\"the\"", "no token"));
        Conflict(json => json["added_tokens"]![0]!["special"] = true).ShouldBe(("added_tokens, id 259.special", "false", "true"));
        Conflict(json => json["model"]!["merges"]![0] = new JsonArray("e", "h"))
            .ShouldBe(("model.merges[0][0]", "\"t\"", "\"e\""));
        Conflict(json => json["model"]!["merges"] = new JsonArray()).ShouldBe(("model.merges[0]", "an array", "none"));
        Conflict(json => json["model"]!["byte_fallback"] = true).ShouldBe(("model.byte_fallback", "false", "true"));
        Conflict(json => json["normalizer"] = new JsonObject { ["type"] = "NFC" }).ShouldBe(("normalizer", "null", "an object"));
    }

    [Fact]
    public void Ids_far_apart_are_compared_at_once()
    {
        const int Far = (1 << 24) - 1;
        Conflict(json => json["added_tokens"]!.AsArray().Add(TinyTokenizer.Added(Far, "<b>"))).ShouldBeNull();
        TokenizerFile.CountIds(directory["second.json"]).ShouldBe(Far + 1);
        var json = TinyTokenizer.Json();
        json["added_tokens"] = new JsonArray(TinyTokenizer.Added(Next, "<between>"), TinyTokenizer.Added(Far, "<b>"));
        File.WriteAllText(directory["third.json"], json.ToJsonString());
        TokenizerFile.FirstConflict(directory["second.json"], directory["third.json"])
            .ShouldBe(("id 259", "\"<a>\"", "no token"));
        json["added_tokens"]!.AsArray().Insert(0, TinyTokenizer.Added(TinyTokenizer.FirstAdded, "<a>"));
        File.WriteAllText(directory["third.json"], json.ToJsonString());
        TokenizerFile.FirstConflict(directory["second.json"], directory["third.json"])
            .ShouldBe(("id 260", "no token", "\"<between>\""));
    }

    [Theory]
    [InlineData("2147483647")]
    [InlineData("1000000000")]
    [InlineData("16777216")]
    [InlineData("1e30")]
    public void An_id_that_no_tokenizer_has_is_refused_by_its_key(string id)
    {
        Refused(json => json["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = JsonNode.Parse(id), ["content"] = "<b>" }))
            .ShouldBe(
                $"{directory["second.json"]}: added_tokens[1].id: expected an id of at most 16777215, found {id}; copy it again");
        Should.Throw<InvalidInputException>(() => TokenizerFile.CountIds(directory["second.json"]))
            .Message.ShouldContain("added_tokens[1].id");
        Should.Throw<InvalidInputException>(() => TokenizerFile.AddedTokensWithoutRow(directory["second.json"], 260))
            .Message.ShouldContain("added_tokens[1].id");
        Should.Throw<InvalidInputException>(
            () => TokenizerFile.FirstDifference(directory["first.json"], directory["second.json"]))
            .Message.ShouldContain("added_tokens[1].id");
        Refused(json => json["model"]!["vocab"]!["hex"] = JsonNode.Parse(id))
            .ShouldBe(
                $"{directory["second.json"]}: model.vocab, \"hex\": expected an id of at most 16777215, found {id}; copy it "
                + "again");
    }

    private string Refused(Action<JsonObject> extend) => Should.Throw<InvalidInputException>(() => Conflict(extend)).Message;

    private (string, string, string)? Conflict(Action<JsonObject> extend)
    {
        var json = TinyTokenizer.Json();
        json["added_tokens"] = new JsonArray(TinyTokenizer.Added(TinyTokenizer.FirstAdded, "<a>"));
        File.WriteAllText(directory["first.json"], json.ToJsonString());
        extend(json);
        File.WriteAllText(directory["second.json"], json.ToJsonString());
        return TokenizerFile.FirstConflict(directory["first.json"], directory["second.json"]);
    }
}
