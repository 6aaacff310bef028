using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data;

public sealed class DataBuildReportTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public DataBuildReportTests()
    {
        File.WriteAllLines(directory["law.jsonl"], Enumerable.Range(0, 20).Select(i => $$"""{"text": "{{RandomText.Words(50, $"{i}")}}"}"""));
        DataBuilder.Build(
            new DataBuildOptions { Inputs = [directory["law.jsonl"]], Encoder = ByteEncoder.Instance, Output = directory["law"], HeldOutFraction = 0.1 }, SilentReporter.Instance);
    }

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(257, "bytes")]
    [InlineData(300, "bytes")]
    [InlineData(257, null)]
    public void A_model_that_knows_the_ids_is_taken(int vocabSize, string? tokenizer) => Require(vocabSize, tokenizer);

    [Theory]
    [InlineData(256, "bytes", "ids of a vocabulary of at most 256, the model's, found 257")]
    [InlineData(256, null, "ids of a vocabulary of at most 256, the model's, found 257")]
    [InlineData(257, "a tokenizer of words", "ids of the model's tokenizer (a tokenizer …), found those of another (bytes)")]
    public void A_model_that_knows_others_is_refused(int vocabSize, string? tokenizer, string message) =>
        Should.Throw<InvalidInputException>(() => Require(vocabSize, tokenizer)).Message
            .ShouldBe($"{directory["law"]}: domain 'law': expected {message}; build the data with the model's tokenizer");

    private void Require(int vocabSize, string? tokenizer) => DataBuildReport.Load(directory["law"]).RequireVocabulary(directory["law"], vocabSize, tokenizer);
}
