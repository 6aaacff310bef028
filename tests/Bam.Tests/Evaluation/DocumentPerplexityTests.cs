using Bam.Checkpoints;
using Bam.Data;
using Bam.Data.Building;
using Bam.Evaluation;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation;

[Collection(LibTorchCollection.Name)]
public sealed class DocumentPerplexityTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly Tokenizer tokenizer = Tokenizer.Load(Fixtures.Tokenizer("gpt2"));
    private readonly LanguageModel model;

    public DocumentPerplexityTests()
    {
        LibTorch.Load();
        model = new LanguageModel(
            new ModelConfig
            {
                VocabSize = tokenizer.VocabSize, HiddenSize = 8, IntermediateSize = 8, NumHiddenLayers = 1,
                NumAttentionHeads = 2, NumKeyValueHeads = 2, HeadDim = 4, MaxPositionEmbeddings = 16, NumLocalExperts = 2,
            },
            Device.Cpu, withGradients: false);
        ModelInitializer.Initialize(model, seed: 3);
        using var noGrad = NoGrad.Enter();
        model.Parameters.Values.Mul_(6);
    }

    public void Dispose()
    {
        model.Dispose();
        directory.Dispose();
    }

    /// <summary>What the harness's get_rolling_token_windows and make_disjoint_window give for these lengths.</summary>
    [Theory]
    [InlineData(3, 4, new[] { 0, 3, 3 })]
    [InlineData(4, 4, new[] { 0, 4, 4 })]
    [InlineData(5, 4, new[] { 0, 4, 4, 1, 5, 1 })]
    [InlineData(10, 4, new[] { 0, 4, 4, 4, 8, 4, 6, 10, 2 })]
    public void Windows_are_those_of_the_harness(int tokens, int windowLength, int[] expected) =>
        DocumentPerplexity.Windows(tokens, windowLength).SelectMany(window => new[] { window.Start, window.End, window.Targets })
            .ShouldBe(expected);

    [Theory]
    [InlineData("two words", 2)]
    [InlineData(" two \n\t words ", 4)]  // with an empty one at either end
    [InlineData("", 1)]
    [InlineData("a\x1d\u00a0b", 2)]
    public void Words_are_counted_as_python_splits_them(string text, long expected) =>
        DocumentPerplexity.CountWords(text).ShouldBe(expected);

    [Fact]
    public void Each_token_of_each_document_is_predicted_once_behind_the_prefix()
    {
        string[] documents = ["The first one.", "A second document, which is longer than a window of eight tokens is."];
        using var text = Build(documents);
        var prefix = tokenizer.EndOfTextId!.Value;

        var result = DocumentPerplexity.Measure(model, text, tokenizer, prefix, windowLength: 8);

        var expected = documents.Select(document => (int[])[prefix, .. tokenizer.Encode(document)]).Sum(ids =>
            Enumerable.Range(1, ids.Length - 1)
                .Sum(target => Nll(ids[WindowStart(target, ids.Length - 1)..target], ids[target])));
        result.Documents.ShouldBe(2);
        result.Tokens.ShouldBe(documents.Sum(document => tokenizer.Encode(document).Length));
        result.TotalNll.ShouldBe(expected, 1e-3);
        result.Words.ShouldBe(16);
        result.Bytes.ShouldBe(documents.Sum(document => document.Length));
        result.BitsPerByte.ShouldBe(result.TotalNll / result.Bytes / Math.Log(2), 1e-12);
        result.BytePerplexity.ShouldBe(Math.Exp(result.TotalNll / result.Bytes), 1e-9);
        result.WordPerplexity.ShouldBe(Math.Exp(result.TotalNll / result.Words), 1e-3);
    }

    // Windows of eight: the first begins with the prefix, others with their predecessor's last token, the last is filled up.
    private static int WindowStart(int target, int count)
    {
        var window = (target - 1) / 8;
        return Math.Min(window * 8, Math.Max(0, count - 8));
    }

    private HeldOutText Build(string[] documents)
    {
        File.WriteAllText(
            directory["text.jsonl"], string.Concat(documents.Select(text => $$"""{"text": "{{text}}"}""" + "\n")));
        DataBuilder.Build(
            new DataBuildOptions
            {
                Inputs = [directory["text.jsonl"]],
                Encoder = TextEncoder.Of(tokenizer, Fixtures.Tokenizer("gpt2"), null),
                Output = directory["data"],
                HeldOutFraction = 0,
            },
            SilentReporter.Instance);
        return HeldOutText.Open(Path.Combine(directory["data"], "train"), "test");
    }

    private double Nll(int[] context, int target)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var input = Tensor.From<long>(Array.ConvertAll(context, id => (long)id), [1, context.Length], model.Device);
        var row = model.Logits(input).ToArray<float>()[^tokenizer.VocabSize..];
        var max = row.Max();
        return max + Math.Log(row.Sum(value => Math.Exp(value - max))) - row[target];
    }
}
