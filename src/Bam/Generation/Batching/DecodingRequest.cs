using System.Numerics.Tensors;

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

    /// <summary>
    /// Receives the index of a prompt token, from <see cref="LogitsFrom"/> on, and the logits [V] after it, on the scheduler's
    /// thread. Null if none are wanted.
    /// </summary>
    public Action<int, ReadOnlyMemory<float>>? OnLogits { get; init; }

    /// <summary>The first token of the prompt whose logits <see cref="OnLogits"/> receives.</summary>
    public int LogitsFrom { get; init; }

    /// <summary>Also says which experts each token went to.</summary>
    public bool TraceRouting { get; init; }

    /// <summary>
    /// Receives each token, on the scheduler's thread; false ends the text after it. Must be quick, and not throw.
    /// </summary>
    public Func<DecodedToken, bool> OnToken { get; init; } = _ => true;

    /// <summary>Ends the text at the next token.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The prompt's first tokens that need not be read where another text has read them.</summary>
    internal int Shareable =>
        ScorePrompt ? 0 : OnLogits is null ? Prompt.Count - 1 : Math.Min(LogitsFrom, Prompt.Count - 1);
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
        var max = TensorPrimitives.Max(logits);
        var normaliser = max + Math.Log(SumOfExponentials(logits, max));
        // Of equal logits the lower id comes first.
        var isGreedy = logits.IndexOf(max) == id;
        if (topCount == 0) return new(logits[id] - normaliser, isGreedy, []);

        var top = new PriorityQueue<int, (float Logit, int Order)>();
        for (var other = 0; other < logits.Length; other++)
        {
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

        return new(logits[id] - normaliser, isGreedy, ordered);
    }

    // Σ exp(x - max), in float64.
    private static double SumOfExponentials(ReadOnlySpan<float> logits, float max)
    {
        Span<double> part = stackalloc double[512];
        var sum = 0.0;
        for (; !logits.IsEmpty; logits = logits[Math.Min(part.Length, logits.Length)..])
        {
            var exponents = part[..Math.Min(part.Length, logits.Length)];
            TensorPrimitives.ConvertChecked(logits[..exponents.Length], exponents);
            TensorPrimitives.Subtract(exponents, max, exponents);
            TensorPrimitives.Exp<double>(exponents, exponents);
            sum += TensorPrimitives.Sum<double>(exponents);
        }

        return sum;
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
