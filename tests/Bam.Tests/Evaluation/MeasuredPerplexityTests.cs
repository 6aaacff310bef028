using Bam.Checkpoints;
using Bam.Data;
using Bam.Evaluation;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation;

[Collection(LibTorchCollection.Name)]
public sealed class MeasuredPerplexityTests : IDisposable
{
    private const int Vocabulary = 24;
    private const int Length = 5;

    private readonly string directory = Directory.CreateTempSubdirectory("bam-perplexity-").FullName;
    private readonly LanguageModel model;

    public MeasuredPerplexityTests()
    {
        LibTorch.Load();
        model = new LanguageModel(
            new ModelConfig
            {
                VocabSize = Vocabulary, HiddenSize = 8, IntermediateSize = 8, NumHiddenLayers = 1, NumAttentionHeads = 2,
                NumKeyValueHeads = 2,
                HeadDim = 4, MaxPositionEmbeddings = Length, NumAttentionExperts = 2, NumLocalExperts = 2,
            },
            Device.Cpu);
        ModelInitializer.Initialize(model, seed: 3);
        // Larger than initialized, so that the predictions are far from uniform.
        using var noGrad = NoGrad.Enter();
        model.Parameters.Values.Mul_(4);
    }

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(6)]
    [InlineData(11)]
    [InlineData(23)]
    public void It_is_the_exponential_of_the_mean_of_what_the_logits_say(int tokens)
    {
        var random = new RandomStream(1, "tokens");
        var ids = Enumerable.Range(0, tokens).Select(_ => (int)random.NextInt64(Vocabulary)).ToArray();
        using var text = Write(ids);

        var result = Perplexity.Measure(model, text, bytes: 50, new() { WindowLength = Length, BatchSize = 3 });

        var expected = ExpectedNll(ids);
        result.Tokens.ShouldBe(tokens - 1);
        result.TotalNll.ShouldBe(expected, expected * 1e-5);
        result.Perplexity.ShouldBe(Math.Exp(expected / (tokens - 1)), 0.01);
        result.BitsPerByte!.Value.ShouldBe(expected / Math.Log(2) / 50, 1e-4);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(23)]
    public void With_a_begin_token_every_token_of_the_text_is_predicted(int tokens)
    {
        var random = new RandomStream(1, "tokens");
        var ids = Enumerable.Range(0, tokens).Select(_ => (int)random.NextInt64(Vocabulary)).ToArray();
        using var text = Write(ids);

        var result = Perplexity.Measure(
            model, text, bytes: 50, new() { WindowLength = Length, BatchSize = 3, BeginOfWindow = 9 });

        // Each window with its begin token is equal to a separate text.
        var expected = ids.Chunk(Length).Sum(window => ExpectedNll([9, .. window]));
        result.Tokens.ShouldBe(tokens);
        result.TotalNll.ShouldBe(expected, expected * 1e-5);
        result.Bytes.ShouldBe(50);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(9)]
    public void Of_masked_text_only_the_tokens_that_count_are_measured(int? begin)
    {
        var random = new RandomStream(1, "tokens");
        var ids = Enumerable.Range(0, 23).Select(_ => (int)random.NextInt64(Vocabulary)).ToArray();
        var options = new PerplexityOptions { WindowLength = Length, BatchSize = 2, BeginOfWindow = begin };
        double total;
        using (var text = Write(ids)) total = Perplexity.Measure(model, text, bytes: 50, options).TotalNll;

        var first = begin is null ? 1 : 0;
        var one = Enumerable.Range(first, 23 - first).Select(place => Measure(i => i == place)).ToList();

        one.ShouldAllBe(result => result.Tokens == 1 && result.Bytes == 50);
        one.Sum(result => result.TotalNll).ShouldBe(total, total * 1e-5);
        var some = Measure(i => i % 3 == 1);
        some.Tokens.ShouldBe(8);
        some.TotalNll.ShouldBe(one.Where((_, i) => (begin is null ? i + 1 : i) % 3 == 1).Sum(result => result.TotalNll), 1e-4);
        Should.Throw<InvalidInputException>(() => Measure(_ => false)).Message.ShouldContain("answers to measure on");

        PerplexityResult Measure(Func<int, bool> counts)
        {
            Write(ids).Dispose();
            var writer = new TokenMaskWriter(Path.Combine(directory, "text"));
            writer.Append([.. Enumerable.Range(0, ids.Length).Select(counts)]);
            writer.Complete();
            using var text = IndexedDataset.Open(Path.Combine(directory, "text"));
            return Perplexity.Measure(model, text, bytes: 50, options);
        }
    }

    [Fact]
    public void It_leaves_no_tensors()
    {
        using var text = Write([.. Enumerable.Range(0, Vocabulary)]);
        var before = Tensor.LiveCount;

        Perplexity.Measure(model, text, null, new() { WindowLength = Length });

        Tensor.LiveCount.ShouldBe(before);
    }

    [Fact]
    public void Windows_longer_than_the_models_positions_are_refused()
    {
        using var text = Write([1, 2, 3]);

        Should.Throw<InvalidInputException>(() => Perplexity.Measure(model, text, null, new() { WindowLength = Length + 1 }))
            .Message.ShouldContain("max_position_embeddings");
    }

    [Fact]
    public void Ids_of_another_vocabulary_are_refused()
    {
        using var text = Write([1, 2, Vocabulary]);

        Should.Throw<InvalidInputException>(() => Perplexity.Measure(model, text, null, new() { WindowLength = Length }))
            .Message.ShouldContain($"vocab_size {Vocabulary}");
    }

    [Fact]
    public void A_text_without_targets_is_refused()
    {
        using var text = Write([1]);

        Should.Throw<InvalidInputException>(() => Perplexity.Measure(model, text, null, new() { WindowLength = Length }))
            .Message.ShouldContain("at least 2");
    }

    // Each window separately, softmax in double precision.
    private double ExpectedNll(int[] ids)
    {
        var sum = 0.0;
        for (var start = 0; start < ids.Length - 1; start += Length)
        {
            var length = Math.Min(Length, ids.Length - 1 - start);
            using var scope = TensorScope.Open();
            using var noGrad = NoGrad.Enter();
            var inputs = Tensor.From<long>(
                Array.ConvertAll(ids[start..(start + length)], id => (long)id), [1, length], Device.Cpu);
            var logits = model.Logits(inputs).Contiguous().ToArray<float>();
            for (var t = 0; t < length; t++)
            {
                var row = logits[(t * Vocabulary)..((t + 1) * Vocabulary)];
                sum += Math.Log(row.Sum(logit => Math.Exp(logit))) - row[ids[start + t + 1]];
            }
        }

        return sum;
    }

    private IndexedDataset Write(int[] ids)
    {
        var prefix = Path.Combine(directory, "text");
        using (var writer = new IndexedDatasetWriter(prefix, TokenType.UInt16))
        {
            writer.Append(ids);
            writer.Complete();
        }

        return IndexedDataset.Open(prefix);
    }
}
