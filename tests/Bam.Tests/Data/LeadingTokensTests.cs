using System.Text.Json.Nodes;
using Bam.Data;
using Bam.Data.Building;
using Bam.Data.Text;
using Bam.Tests.Tokenization;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data;

public sealed class LeadingTokensTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly Tokenizer tokenizer = TinyTokenizer.With(json =>
    {
        var endOfText = TinyTokenizer.Added(TinyTokenizer.FirstAdded, "<|endoftext|>");
        endOfText["special"] = true;
        json["added_tokens"] = new JsonArray(endOfText);
    });

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_built_domain_gives_the_tokens_that_are_trained_on()
    {
        Build(TextEncoder.Of(tokenizer, "t.json"));
        using var domain = DomainData.Open(directory["law"]);
        var all = new int[domain.Train.TokenCount];
        domain.Train.Read(0, all);

        LeadingTokens.Read(directory["law"], tokenizer, 100, SilentReporter.Instance).ShouldBe(all[..100]);
        LeadingTokens.Read(directory["law"], tokenizer, int.MaxValue, SilentReporter.Instance).ShouldBe(all);
    }

    [Fact]
    public void A_domain_that_another_tokenizer_built_is_refused()
    {
        Build(ByteEncoder.Instance);

        Should.Throw<InvalidInputException>(
            () => LeadingTokens.Read(directory["law"], tokenizer, 100, SilentReporter.Instance)).Message.ShouldBe(
            $"{directory["law"]}: domain 'law': expected ids of the model's tokenizer ({tokenizer.Fingerprint[..12]}…), found "
                + "those of another (bytes); build the data with the model's tokenizer");
    }

    [Fact]
    public void A_domain_without_training_tokens_is_refused()
    {
        HeldOutBuilder.Build(
            [new TextDocument(new DocumentOrigin("law.txt", 1), "text that is only measured on".AsMemory(), Group: null)],
            new() { Output = directory["law"], Name = "law", Encoder = TextEncoder.Of(tokenizer, "t.json") },
            CancellationToken.None);

        Should.Throw<InvalidInputException>(
            () => LeadingTokens.Read(directory["law"], tokenizer, 100, SilentReporter.Instance)).Message.ShouldBe(
            $"{directory["law/train"]}: expected training tokens, found none: all of its text is held out; name other text");
    }

    private void Build(TextEncoder encoder)
    {
        File.WriteAllLines(
            directory["law.jsonl"], Enumerable.Range(0, 20).Select(i => $$"""{"text": "{{RandomText.Words(50, $"{i}")}}"}"""));
        DataBuilder.Build(
            new DataBuildOptions
            {
                Inputs = [directory["law.jsonl"]],
                Encoder = encoder,
                Output = directory["law"],
                HeldOutFraction = 0.1,
            },
            SilentReporter.Instance);
    }
}
