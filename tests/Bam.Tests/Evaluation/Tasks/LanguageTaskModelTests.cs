using Bam.Checkpoints;
using Bam.Evaluation.Tasks.Running;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

[Collection(LibTorchCollection.Name)]
public sealed class LanguageTaskModelTests : IDisposable
{
    private const int Positions = 24;

    private readonly TemporaryDirectory directory = new();
    private readonly Tokenizer tokenizer = Tokenizer.Load(Fixtures.Tokenizer("gpt2"));
    private readonly LanguageModel model;
    private readonly LanguageTaskModel tasks;

    public LanguageTaskModelTests()
    {
        LibTorch.Load();
        model = new LanguageModel(
            new ModelConfig
            {
                VocabSize = tokenizer.VocabSize, HiddenSize = 16, IntermediateSize = 16, NumHiddenLayers = 2,
                NumAttentionHeads = 2, NumKeyValueHeads = 2, HeadDim = 8, MaxPositionEmbeddings = Positions,
                NumAttentionExperts = 2, NumLocalExperts = 2,
            },
            Device.Cpu, withGradients: false);
        ModelInitializer.Initialize(model, seed: 3);
        // Larger than initialized, so that the predictions are far from uniform.
        using (NoGrad.Enter()) model.Parameters.Values.Mul_(6);
        tasks = new(model, tokenizer, TaskEncoding.Of(tokenizer, directory.Root, model.Config));
    }

    public void Dispose()
    {
        model.Dispose();
        directory.Dispose();
    }

    [Fact]
    public void Scores_are_what_a_pass_over_each_text_alone_gives()
    {
        ContinuationRequest[] requests =
        [
            new("Question: why?\nAnswer:", " because"), new("Question: why?\nAnswer:", " so"),
            new("Question: who?\nAnswer:", " he"), new("Question: why?\nAnswer:", " because it is"), new("", "text"),
            new("ends with space ", "x"),
            new("Question: why?\nAnswer:", " because"),
        ];

        var scores = Score(requests);

        for (var i = 0; i < requests.Length; i++)
        {
            var (expected, isGreedy) = Expected(requests[i]);
            scores[i].LogLikelihood.ShouldBe(expected, 1e-4);
            scores[i].IsGreedy.ShouldBe(isGreedy);
        }
    }

    [Fact]
    public void Answers_together_are_those_of_each_alone_bit_for_bit()
    {
        using var wide = new LanguageModel(
            model.Config with { HiddenSize = 32, IntermediateSize = 32, HeadDim = 16, MaxPositionEmbeddings = 64 }, Device.Cpu,
            withGradients: false);
        ModelInitializer.Initialize(wide, seed: 4);
        var together = new LanguageTaskModel(wide, tokenizer, TaskEncoding.Of(tokenizer, directory.Root, wide.Config));
        const string examples = "Question: one and one and one and one and one and one?\nAnswer: three\n\nQuestion: ";
        ContinuationRequest[] requests =
        [
            .. from question in new[] { "two?", "who is there?", "why?" }
               from answer in new[] { " A", " B", " because it is", " because", "\nA" }
               select new ContinuationRequest($"{examples}{question}\nAnswer:", answer),
        ];
        ContinueRequest[] prompts = [.. requests.Select((request, i) => new ContinueRequest(request.Context, ["?"], 4 + i))];

        var scores = new ContinuationScore[requests.Length];
        together.Score(requests, (i, score) => scores[i] = score, CancellationToken.None);
        var texts = new string[prompts.Length];
        together.Generate(prompts, (i, text) => texts[i] = text, CancellationToken.None);

        for (var i = 0; i < requests.Length; i++)
        {
            together.Score([requests[i]], (_, score) => score.ShouldBe(scores[i]), CancellationToken.None);
            together.Generate([prompts[i]], (_, text) => text.ShouldBe(texts[i]), CancellationToken.None);
        }
    }

    [Fact]
    public void Cancelled_work_ends()
    {
        using var cancellation = new CancellationTokenSource();
        var answered = 0;

        Should.Throw<OperationCanceledException>(() => tasks.Score(
            [.. Enumerable.Range(0, 500).Select(i => new ContinuationRequest($"{i}", " so it is"))],
            (_, _) =>
            {
                answered++;
                cancellation.Cancel();
            },
            cancellation.Token));
        answered.ShouldBe(1);
    }

    [Fact]
    public void The_most_likely_continuation_is_greedy()
    {
        var text = Generate("Question: why?\nAnswer:", [], 3);

        Score([new("Question: why?\nAnswer:", text)]).Single().IsGreedy.ShouldBeTrue();
        Score([new("Question: why?\nAnswer:", text + "zq")]).Single().IsGreedy.ShouldBeFalse();
    }

    [Fact]
    public void A_context_that_is_too_long_loses_its_beginning()
    {
        var words = string.Concat(Enumerable.Repeat(" word and other text", 40));

        var score = Score([new(words, " the end")]).Single();

        var ids = tokenizer.Encode(words + " the end");
        var count = ids.Length - tokenizer.Encode(words).Length;
        score.LogLikelihood.ShouldBe(LogLikelihood(ids[^(Positions + 1)..], count).Sum, 1e-4);
    }

    [Fact]
    public void A_continuation_longer_than_the_model_reads_is_refused() =>
        Should.Throw<InvalidInputException>(
                () => Score([new("a", string.Concat(Enumerable.Repeat(" word and other text", 40)))])).Message
            .ShouldContain($"expected 1 to {Positions} tokens (max_position_embeddings)");

    [Fact]
    public void Generation_chooses_the_most_likely_tokens()
    {
        ContinueRequest[] requests = [new("one two", [], 6), new("one three", [], 4), new("one two", [], 2)];
        var texts = new string[3];
        tasks.Generate(requests, (i, text) => texts[i] = text, CancellationToken.None);

        for (var i = 0; i < requests.Length; i++) texts[i].ShouldBe(Greedy(requests[i].Prompt, requests[i].MaxTokens));
    }

    [Fact]
    public void Generation_ends_before_a_stop_string()
    {
        var whole = Generate("one two", [], 10);
        var stop = whole[(whole.Length / 2)..(whole.Length / 2 + 2)];

        Generate("one two", ["never", stop], 10).ShouldBe(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]);
    }

    [Fact]
    public void A_prompt_leaves_room_for_the_answer()
    {
        var words = string.Concat(Enumerable.Repeat(" word and other text", 40));

        var text = Generate(words, [], 4);

        text.ShouldBe(Greedy(tokenizer.Encode(words)[^(Positions - 4)..], 4));
        Should.Throw<InvalidInputException>(() => Generate("a", [], Positions)).Message
            .ShouldStartWith($"max_tokens: expected fewer than the model's {Positions} positions");
    }

    [Fact]
    public void White_space_before_the_continuation_belongs_to_it()
    {
        var encoding = TaskEncoding.Of(tokenizer, directory.Root, model.Config);

        var (context, continuation) = encoding.EncodePair("The text: ", "end");

        context.ShouldBe(tokenizer.Encode("The text:"));
        ((int[])[.. context, .. continuation]).ShouldBe(tokenizer.Encode("The text: end"));
    }

    [Fact]
    public void Begin_tokens_are_there_once()
    {
        var llama = Tokenizer.Load(Fixtures.Tokenizer("llama2"));
        var encoding = TaskEncoding.Of(llama, directory.Root, model.Config);

        encoding.Prefix.ShouldBe(1);
        encoding.Encode("text").ShouldBe(llama.Encode("text"));
        encoding.Encode("<s>text").ShouldBe(llama.Encode("<s>text", addSpecialTokens: false));
        encoding.EncodePair("", "text").ShouldSatisfyAllConditions(
            pair => pair.Context.ShouldBe([1]),
            pair => pair.Continuation.ShouldBe(llama.Encode("text", addSpecialTokens: false)));
    }

    [Theory]
    [InlineData("""{"bos_token": "<unk>", "eos_token": "</s>"}""", 0)]
    [InlineData("""{"bos_token": {"content": "</s>"}}""", 2)]
    [InlineData("""{"bos_token": null, "eos_token": "</s>"}""", 2)]
    [InlineData("{}", 1)]
    public void The_begin_token_is_that_of_the_tokenizers_settings(string settings, int expected)
    {
        File.WriteAllText(directory["tokenizer_config.json"], settings);

        TaskEncoding.Of(Tokenizer.Load(Fixtures.Tokenizer("llama2")), directory.Root, model.Config).Prefix.ShouldBe(expected);
    }

    private ContinuationScore[] Score(IReadOnlyList<ContinuationRequest> requests)
    {
        var scores = new ContinuationScore[requests.Count];
        tasks.Score(requests, (i, score) => scores[i] = score, CancellationToken.None);
        return scores;
    }

    private string Generate(string prompt, string[] until, int maxTokens)
    {
        var result = "";
        tasks.Generate([new(prompt, until, maxTokens)], (_, text) => result = text, CancellationToken.None);
        return result;
    }

    private (double Sum, bool IsGreedy) Expected(ContinuationRequest request)
    {
        int[] whole = request.Context.Length == 0
            ? [tokenizer.EndOfTextId!.Value, .. tokenizer.Encode(request.Continuation)]
            : tokenizer.Encode(request.Context + request.Continuation);
        var context = request.Context.Length == 0 ? 1 : tokenizer.Encode(request.Context.TrimEnd()).Length;
        return LogLikelihood(whole, whole.Length - context);
    }

    private (double Sum, bool IsGreedy) LogLikelihood(int[] ids, int count)
    {
        var (sum, isGreedy) = (0.0, true);
        var rows = Logits(ids[..^1]);
        for (var i = ids.Length - 1 - count; i < ids.Length - 1; i++)
        {
            var row = rows[i];
            var max = row.Max();
            sum += row[ids[i + 1]] - max - Math.Log(row.Sum(value => Math.Exp(value - max)));
            isGreedy &= Array.IndexOf(row, max) == ids[i + 1];
        }

        return (sum, isGreedy);
    }

    private string Greedy(string prompt, int count) => Greedy(tokenizer.Encode(prompt), count);

    private string Greedy(int[] prompt, int count)
    {
        List<int> ids = [.. prompt];
        while (ids.Count < prompt.Length + count)
        {
            var row = Logits([.. ids])[^1];
            var next = Array.IndexOf(row, row.Max());
            if (next == tokenizer.EndOfTextId) break;
            ids.Add(next);
        }

        return tokenizer.Decode([.. ids.Skip(prompt.Length)], skipSpecialTokens: true);
    }

    private float[][] Logits(int[] ids)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var input = Tensor.From<long>(Array.ConvertAll(ids, id => (long)id), [1, ids.Length], model.Device);
        return [.. model.Logits(input).ToArray<float>().Chunk(tokenizer.VocabSize)];
    }
}
