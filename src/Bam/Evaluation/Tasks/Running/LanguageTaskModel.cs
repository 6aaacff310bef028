using Bam.Generation;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>
/// A checkpoint as a <see cref="ITaskModel"/>. Requests are sorted by their ids, so that those with a common beginning follow
/// each other and it is read once (<see cref="PrefixCache"/>).
/// </summary>
internal sealed class LanguageTaskModel(LanguageModel model, Tokenizer tokenizer, TaskEncoding encoding) : ITaskModel
{
    private readonly HashSet<int> endOfText =
        [.. model.Config.EosTokenIds, .. tokenizer.EndOfTextId is { } id ? new[] { id } : []];

    /// <summary>The most tokens that the model reads.</summary>
    private int LongestInput => model.Config.LongestInput;

    public void Score(
        IReadOnlyList<ContinuationRequest> requests, Action<int, ContinuationScore> answered, CancellationToken cancellation)
    {
        var sequences = Sorted(requests.Select((request, i) => Sequence(request, i)));
        if (sequences.Count == 0) return;
        using var cache = new PrefixCache(model, sequences.Max(sequence => sequence.Ids.Length));
        foreach (var sequence in sequences)
        {
            cancellation.ThrowIfCancellationRequested();
            answered(sequence.Request, Score(cache, sequence));
        }
    }

    public void Generate(IReadOnlyList<ContinueRequest> requests, Action<int, string> answered, CancellationToken cancellation)
    {
        var sequences = Sorted(requests.Select((request, i) => new TokenSequence(i, Prompt(request), 0)));
        if (sequences.Count == 0) return;
        using var cache = new PrefixCache(
            model, sequences.Max(sequence => sequence.Ids.Length + requests[sequence.Request].MaxTokens));
        foreach (var sequence in sequences)
            answered(sequence.Request, Generate(cache, sequence.Ids, requests[sequence.Request], cancellation));
    }

    private static List<TokenSequence> Sorted(IEnumerable<TokenSequence> sequences)
    {
        var sorted = sequences.ToList();
        sorted.Sort((first, second) => first.Ids.AsSpan().SequenceCompareTo(second.Ids));
        return sorted;
    }

    // Contexts that are too long lose their beginning. The last token is scored and not read.
    private TokenSequence Sequence(ContinuationRequest request, int index)
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

    private static ContinuationScore Score(PrefixCache cache, TokenSequence sequence)
    {
        using var scope = TensorScope.Open();
        var count = sequence.Scored;
        var logits = cache.Read(sequence.Ids.AsSpan(..^1), count);  // [count, V]
        var targets = Array.ConvertAll(sequence.Ids[^count..], id => (long)id);
        var wanted = Tensor.From<long>(targets, [count, 1], logits.Device);
        var logProbabilities = logits.LogSoftmax(-1).Gather(1, wanted).View(count).ToArray<float>();
        var isGreedy = logits.ArgMax(-1).ToArray<long>().AsSpan().SequenceEqual(targets);
        return new(logProbabilities.Sum(value => (double)value), isGreedy);
    }

    private string Generate(PrefixCache cache, int[] prompt, ContinueRequest request, CancellationToken cancellation)
    {
        // As transformers decodes the new tokens alone, a space that begins a SentencePiece text is lost.
        var decoder = new StreamingTextDecoder(tokenizer, StopStrings(request), prompt: null);
        var special = tokenizer.AddedTokens.Where(
            token => token.Special && request.Until.Any(stop => token.Content.Contains(stop, StringComparison.Ordinal)));
        var stops = endOfText.Concat(special.Select(token => token.Id)).ToHashSet();
        var text = new System.Text.StringBuilder();
        using var first = TensorScope.Open();
        var next = MostLikely(cache.Read(prompt, 1));
        for (var count = 1; !stops.Contains(next); count++)
        {
            cancellation.ThrowIfCancellationRequested();
            text.Append(decoder.Append(next));
            if (decoder.StoppedBy is not null || count == request.MaxTokens) break;
            using var scope = TensorScope.Open();
            next = MostLikely(cache.Append([next], 1));
        }

        return text.Append(decoder.Finish()).ToString();
    }

    private string[] StopStrings(ContinueRequest request)
    {
        var end = tokenizer.EndOfTextId is { } id ? tokenizer.IdToToken(id) : null;
        return [.. request.Until.Append(end ?? "").Where(text => text.Length > 0).Distinct()];
    }

    private static int MostLikely(Tensor logits) => (int)logits.ArgMax(-1).Item<long>();

    /// <summary>The ids of a request, of which the last ones are scored.</summary>
    private sealed record TokenSequence(int Request, int[] Ids, int Scored);
}
