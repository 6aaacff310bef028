using Bam.Data;
using Bam.Data.Building;
using Bam.Data.Text;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Building;

public sealed class HeldOutBuilderTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void All_text_is_held_out_and_nothing_is_left_to_train_on()
    {
        string[] texts = ["one", "two twos", "one", "drei Größen"];

        var report = Build(texts, long.MaxValue);

        using var domain = DomainData.Open(directory["shards"]);
        ByteEncoder.Documents(domain.HeldOut).ShouldBe(texts);
        domain.Train.TokenCount.ShouldBe(0);
        domain.Name.ShouldBe("probe");
        report.HeldOut.Tokens.ShouldBe(report.HeldOut.Utf8Bytes + texts.Length);
        domain.HeldOutBytes.ShouldBe(3 + 8 + 3 + 13);
    }

    [Fact]
    public void Of_too_much_text_whole_documents_are_kept_in_their_order()
    {
        string[] texts = [.. Enumerable.Range(0, 50).Select(i => $"document {i:00}")];

        Build(texts, 100).HeldOut.Tokens.ShouldBe(96);

        using var domain = DomainData.Open(directory["shards"]);
        var kept = ByteEncoder.Documents(domain.HeldOut);
        kept.ShouldBe(kept.Order());
        kept.ShouldBeSubsetOf(texts);
        kept.ShouldNotBe(texts.Take(8));
    }

    [Fact]
    public void One_document_that_is_too_long_is_refused_with_what_helps() =>
        Should.Throw<InvalidInputException>(() => Build(["a long document"], 5)).Message.ShouldContain("max_tokens");

    [Fact]
    public void Nothing_but_white_space_is_refused() =>
        Should.Throw<InvalidInputException>(() => Build([" \n"], 5)).Message.ShouldContain("expected text to measure on");

    private DataBuildReport Build(string[] texts, long maxTokens) => HeldOutBuilder.Build(
        texts.Select((text, line) => new TextDocument(new DocumentOrigin("texts", line + 1), text.AsMemory(), Group: null)),
        new HeldOutBuildOptions
        {
            Output = directory["shards"],
            Name = "probe",
            Encoder = ByteEncoder.Instance,
            MaxTokens = maxTokens,
            Seed = 1,
        },
        CancellationToken.None);
}
