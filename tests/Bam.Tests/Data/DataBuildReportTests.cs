using System.Text.Json.Nodes;
using Bam.Data;
using Bam.Data.Building;
using Bam.Tests.Tokenization;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data;

public sealed class DataBuildReportTests : IDisposable
{
    private const int Ids = TinyTokenizer.FirstAdded + 1;

    private static readonly Tokenizer Own = TinyTokenizer.With(AddEndOfText);
    private static readonly Tokenizer Other = TinyTokenizer.With(json =>
    {
        AddEndOfText(json);
        json["normalizer"] = new JsonObject { ["type"] = "NFC" };
    });

    private readonly TemporaryDirectory directory = new();

    public DataBuildReportTests()
    {
        File.WriteAllLines(
            directory["law.jsonl"], Enumerable.Range(0, 20).Select(i => $$"""{"text": "{{RandomText.Words(50, $"{i}")}}"}"""));
        DataBuilder.Build(
            new DataBuildOptions
            {
                Inputs = [directory["law.jsonl"]],
                Encoder = TextEncoder.Of(Own, "t.json"),
                Output = directory["law"],
                HeldOutFraction = 0.1,
            },
            SilentReporter.Instance);
    }

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(Ids, true)]
    [InlineData(300, true)]
    [InlineData(Ids, false)]
    public void A_model_that_knows_the_ids_is_taken(int vocabSize, bool hasTokenizer) =>
        Require(vocabSize, hasTokenizer ? Own : null);

    [Fact]
    public void A_model_that_knows_others_is_refused()
    {
        Refusal(Ids - 1, null).ShouldBe(
            $"{directory["law"]}: domain 'law': expected ids of a vocabulary of at most 259, the model's, found 260; build the "
                + "data with the model's tokenizer");
        Refusal(Ids - 1, Other).ShouldContain("ids of a vocabulary of at most 259, the model's, found 260");
        Refusal(Ids, Other).ShouldBe(
            $"{directory["law"]}: domain 'law': expected ids of the model's tokenizer ({Other.Fingerprint[..12]}…), found those "
                + $"of another ({Own.Fingerprint[..12]}…); build the data with the model's tokenizer");
    }

    [Fact]
    public void A_fingerprint_of_the_file_as_it_was_written_is_known_too()
    {
        // As in reports of older versions, whose fingerprints depend on the spelling.
        var older = TinyTokenizer.With(json =>
        {
            AddEndOfText(json);
            json["decoder"]!["use_regex"] = false;
            json["pre_tokenizer"]!.AsObject().Remove("use_regex");
        });
        older.Fingerprint.ShouldBe(Own.Fingerprint);
        const string Recorded = "f247b5e33a000b43530982990a7b4ec17b5b129eb3f83642e958290c4aee2f0a";
        older.HasFingerprint(Recorded).ShouldBeTrue();
        Own.HasFingerprint(Recorded).ShouldBeFalse();
    }

    private string Refusal(int vocabSize, Tokenizer? tokenizer) =>
        Should.Throw<InvalidInputException>(() => Require(vocabSize, tokenizer)).Message;

    private void Require(int vocabSize, Tokenizer? tokenizer) =>
        DataBuildReport.Load(directory["law"]).RequireVocabulary(directory["law"], vocabSize, tokenizer);

    private static void AddEndOfText(JsonObject json)
    {
        var token = TinyTokenizer.Added(TinyTokenizer.FirstAdded, "<|endoftext|>");
        token["special"] = true;
        json["added_tokens"] = new JsonArray(token);
    }
}
