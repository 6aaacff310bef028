namespace Bam.Generation.Batching;

/// <summary>A text to continue or to score.</summary>
internal sealed record DecodingRequest
{
    /// <summary>The ids to begin with, at least one.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>The most new tokens; 0 to score the prompt alone.</summary>
    public required int MaxNewTokens { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplerOptions Sampler { get; init; } = new();

    /// <summary>Ids that end the text.</summary>
    public IReadOnlySet<int> EndIds { get; init; } = new HashSet<int>();

    /// <summary>The number of most probable tokens that come with each token; null for no probabilities.</summary>
    public int? TopLogProbs { get; init; }

    /// <summary>Also scores the prompt's own tokens.</summary>
    public bool ScorePrompt { get; init; }

    /// <summary>Also says which experts each token went to.</summary>
    public bool TraceRouting { get; init; }

    /// <summary>
    /// Receives each token, on the scheduler's thread; false ends the text after it. Must be quick, and not throw.
    /// </summary>
    public required Func<DecodedToken, bool> OnToken { get; init; }

    /// <summary>Ends the text at the next token.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>One token of a text: of the prompt, where that is scored, or a new one.</summary>
/// <param name="Id">The id.</param>
/// <param name="IsPrompt">True for the prompt's own.</param>
/// <param name="Score">Its probability; null for the first token of all, and where none was asked for.</param>
/// <param name="Route">Its experts by block; null unless asked for, and for the last token, which is not read.</param>
internal sealed record DecodedToken(int Id, bool IsPrompt, TokenScore? Score, IReadOnlyList<Models.TokenRoute>? Route);

/// <summary>The probability of a token after those before it.</summary>
/// <param name="LogProb">ln p.</param>
/// <param name="IsGreedy">True for the most probable token.</param>
/// <param name="Top">The most probable tokens, most probable first.</param>
internal sealed record TokenScore(double LogProb, bool IsGreedy, IReadOnlyList<(int Id, double LogProb)> Top)
{
    /// <summary>The scores of a token, from the logits [V] at its place.</summary>
    public static TokenScore Of(ReadOnlySpan<float> logits, int id, int topCount)
    {
        var max = float.NegativeInfinity;
        foreach (var logit in logits) max = Math.Max(max, logit);
        var sum = 0.0;
        foreach (var logit in logits) sum += Math.Exp(logit - max);
        var normaliser = max + Math.Log(sum);

        var top = new PriorityQueue<int, (float Logit, int Order)>();
        var best = 0;
        for (var other = 0; other < logits.Length; other++)
        {
            if (logits[other] > logits[best]) best = other;
            if (topCount == 0) continue;
            // Of equal logits the lower id comes first.
            var priority = (logits[other], -other);
            if (top.Count < topCount) top.Enqueue(other, priority);
            else if (priority.CompareTo(Lowest(top)) > 0) top.DequeueEnqueue(other, priority);
        }

        var ordered = new (int Id, double LogProb)[top.Count];
        for (var place = ordered.Length - 1; place >= 0; place--)
        {
            var other = top.Dequeue();
            ordered[place] = (other, logits[other] - normaliser);
        }

        return new(logits[id] - normaliser, id == best, ordered);
    }

    private static (float Logit, int Order) Lowest(PriorityQueue<int, (float Logit, int Order)> queue)
    {
        queue.TryPeek(out _, out var lowest);
        return lowest;
    }
}

/// <summary>Why a text ended.</summary>
internal enum DecodingEnd
{
    /// <summary>It has the most new tokens that were asked for, or that the slot has room for.</summary>
    Length,

    /// <summary>The model ended it, or <see cref="DecodingRequest.OnToken"/> did.</summary>
    Stop,

    /// <summary>The client left, or the scheduler stopped.</summary>
    Cancelled,
}
