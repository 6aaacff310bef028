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
        Conflict(json => json["model"]!["merges"]![0] = new JsonArray("e", "h")).ShouldBe(("model.merges[0][0]", "\"t\"", "\"e\""));
        Conflict(json => json["model"]!["merges"] = new JsonArray()).ShouldBe(("model.merges[0]", "an array", "none"));
        Conflict(json => json["model"]!["byte_fallback"] = true).ShouldBe(("model.byte_fallback", "false", "true"));
        Conflict(json => json["normalizer"] = new JsonObject { ["type"] = "NFC" }).ShouldBe(("normalizer", "null", "an object"));
    }

    private (string, string, string)? Conflict(Action<JsonObject> extend)
    {
        var json = TinyTokenizer.Json();
        json["added_tokens"] = new JsonArray(TinyTokenizer.Added(TinyTokenizer.FirstAdded, "<a>"));
        File.WriteAllText(directory["first.json"], json.ToJsonString());
        extend(json);
        File.WriteAllText(directory["second.json"], json.ToJsonString());
        return TokenizerExtension.FirstConflict(directory["first.json"], directory["second.json"]);
    }
}
