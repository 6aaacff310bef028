using System.Text;
using Bam.Generation;
using Bam.Generation.Batching;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch.Kernels;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>
/// A checkpoint as a <see cref="ITaskModel"/>. Many requests are answered side by side (<see cref="DecodingScheduler"/>). They
/// are sorted by their ids, so that those with a common beginning follow each other and it is read once.
/// </summary>
internal sealed class LanguageTaskModel(LanguageModel model, Tokenizer tokenizer, TaskEncoding encoding) : ITaskModel
{
    // Keys and values may take as much as a quarter of the model's parameters, or this, if it is more.
    private const long LeastCacheBytes = 1L << 30;

    // Tokens of a pass on a GPU, where many are as fast as few.
    private const int TokensOfGpuPass = 1024;

    private readonly HashSet<int> endOfText =
        [.. model.Config.EosTokenIds, .. tokenizer.EndOfTextId is { } id ? new[] { id } : []];

    /// <summary>The most tokens that the model reads.</summary>
    private int LongestInput => model.Config.LongestInput;

    public void Score(
        IReadOnlyList<ContinuationRequest> requests, Action<int, ContinuationScore> answered, CancellationToken cancellation)
    {
        var texts = ByIdsRead(requests.Select(Text));
        var readings = texts.ConvertAll(together => new DecodingRequest
        {
            Prompt = together[0].Read,
            MaxNewTokens = 0,
            LogitsFrom = together.Min(text => text.First),
            OnLogits = (index, logits) => together.ForEach(text => text.Add(index, logits.Span)),
        });
        foreach (var reading in Answered(readings, cancellation))
            texts[reading].ForEach(text => answered(text.Request, text.Score));
    }

    public void Generate(IReadOnlyList<ContinueRequest> requests, Action<int, string> answered, CancellationToken cancellation)
    {
        var prompts = requests.Select((request, i) => (Request: i, Ids: Prompt(request))).ToList();
        prompts.Sort((first, second) => first.Ids.AsSpan().SequenceCompareTo(second.Ids));
        var texts = prompts.ConvertAll(
            prompt => new GeneratedText(Decoder(requests[prompt.Request]), Stops(requests[prompt.Request])));
        var readings = prompts.Zip(texts, (prompt, text) => new DecodingRequest
        {
            Prompt = prompt.Ids,
            MaxNewTokens = requests[prompt.Request].MaxTokens,
            Sampler = new() { Temperature = 0 },
            OnToken = token => text.Add(token.Id),
        }).ToList();
        foreach (var reading in Answered(readings, cancellation)) answered(prompts[reading].Request, texts[reading].Finish());
    }

    // Runs requests side by side, and returns the index of each one when it has ended.
    private IEnumerable<int> Answered(List<DecodingRequest> requests, CancellationToken cancellation)
    {
        if (requests.Count == 0) yield break;
        var context = requests.Max(request => request.Prompt.Count + request.MaxNewTokens);
        var options = new SchedulerOptions(SlotsFor(context, requests.Count), context, MaxWaiting: requests.Count);
        if (!model.Device.IsCpu) options = options with { TokensOfPass = TokensOfGpuPass };
        using var scheduler = new DecodingScheduler(model, options);
        var ends = requests.Select((request, i) => EndOf(scheduler.Submit(request), i)).ToList();
        foreach (var end in Task.WhenEach(ends).ToBlockingEnumerable(cancellation)) yield return end.GetAwaiter().GetResult();

        static async Task<int> EndOf(Task<DecodingEnd> text, int index)
        {
            await text;
            return index;
        }
    }

    // More texts than a pass has tokens would be of no use.
    private int SlotsFor(int context, int texts)
    {
        var bytes = Math.Max(LeastCacheBytes, model.Parameters.Count * sizeof(float) / 4);
        return (int)Math.Clamp(bytes / (model.CacheBytesPerToken * context), 1, Math.Min(texts, FewRowsKernel.MaxRows));
    }

    // Texts that differ in their last token alone, such as the letters of four choices, are read together: it is not read.
    private static List<List<ScoredText>> ByIdsRead(IEnumerable<ScoredText> texts)
    {
        var sorted = texts.ToList();
        sorted.Sort((first, second) => first.Read.AsSpan().SequenceCompareTo(second.Read));
        var groups = new List<List<ScoredText>>();
        foreach (var text in sorted)
        {
            if (groups.Count > 0 && groups[^1][0].Read.AsSpan().SequenceEqual(text.Read)) groups[^1].Add(text);
            else groups.Add([text]);
        }

        return groups;
    }

    // Contexts that are too long lose their beginning. The last token is scored and not read.
    private ScoredText Text(ContinuationRequest request, int index)
    {
        var (context, continuation) = encoding.EncodePair(request.Context, request.Continuation);
        TaskEncoding.RequireLength(request.Continuation, continuation.Length, LongestInput);
        int[] ids = [.. context, .. continuation];
        tokenizer.RequireRows(ids, model.Config.VocabSize, "a prompt");
        return new(index, ids[^Math.Min(ids.Length, LongestInput + 1)..], continuation.Length);
    }

    private int[] Prompt(ContinueRequest request)
    {
        var room = LongestInput - request.MaxTokens;
        if (room <= 0)
            throw new InvalidInputException(
                "max_tokens", $"fewer than the model's {LongestInput} positions (max_position_embeddings)",
                $"{request.MaxTokens}", "give fewer with --max-tokens");
        var ids = encoding.Encode(request.Prompt);
        if (ids.Length == 0)
            ids = [encoding.Prefix ?? throw new InvalidInputException("a prompt", "text", "none", "change the task")];
        tokenizer.RequireRows(ids, model.Config.VocabSize, "a prompt");
        return ids[^Math.Min(ids.Length, room)..];
    }

    // As transformers decodes the new tokens alone, a space that begins a SentencePiece text is lost.
    private StreamingTextDecoder Decoder(ContinueRequest request)
    {
        var end = tokenizer.EndOfTextId is { } id ? tokenizer.IdToToken(id) : null;
        return new(tokenizer, [.. request.Until.Append(end ?? "").Where(text => text.Length > 0).Distinct()], prompt: null);
    }

    // The tokens that end a text and are no part of it.
    private HashSet<int> Stops(ContinueRequest request)
    {
        var special = tokenizer.AddedTokens.Where(
            token => token.Special && request.Until.Any(stop => token.Content.Contains(stop, StringComparison.Ordinal)));
        return [.. endOfText, .. special.Select(token => token.Id)];
    }

    /// <summary>The ids of a request, of which the last ones are scored.</summary>
    private sealed class ScoredText(int request, int[] ids, int scored)
    {
        private readonly int last = ids[^1];
        private double logLikelihood;
        private bool isGreedy = true;

        public int Request => request;

        /// <summary>The ids without the last one, which is scored and not read.</summary>
        public int[] Read { get; } = ids[..^1];

        /// <summary>The token before those that are scored.</summary>
        public int First => Read.Length - scored;

        public ContinuationScore Score => new(logLikelihood, isGreedy);

        /// <summary>Adds the score of the token after one of those read, which come in order.</summary>
        public void Add(int index, ReadOnlySpan<float> logits)
        {
            if (index < First) return;
            var next = index + 1 < Read.Length ? Read[index + 1] : last;
            var score = TokenScore.Of(logits, next, topCount: 0);
            logLikelihood += score.LogProb;
            isGreedy &= score.IsGreedy;
        }
    }

    /// <summary>A text that grows by tokens.</summary>
    private sealed class GeneratedText(StreamingTextDecoder decoder, HashSet<int> stops)
    {
        private readonly StringBuilder text = new();

        /// <summary>Adds a token, unless it ends the text.</summary>
        /// <returns>Whether the text goes on.</returns>
        public bool Add(int id)
        {
            if (stops.Contains(id)) return false;
            text.Append(decoder.Append(id));
            return decoder.StoppedBy is null;
        }

        public string Finish() => text.Append(decoder.Finish()).ToString();
    }
}
