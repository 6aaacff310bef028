using System.Runtime.InteropServices;
using Bam.Models;

namespace Bam.Generation.Batching;

/// <summary>A request that has a slot: its ids so far, and how many of them the model has read.</summary>
/// <param name="request">What is asked for.</param>
/// <param name="end">Receives why the text ended.</param>
/// <param name="place">The slot, and how many tokens it holds already.</param>
/// <param name="capacity">The tokens that the slot has room for.</param>
internal sealed class DecodingSequence(
    DecodingRequest request, TaskCompletionSource<DecodingEnd> end, (int Slot, int Read) place, int capacity)
{
    private readonly Sampler sampler = new(request.Sampler);
    private readonly List<int> ids = [.. request.Prompt];
    private DecodedToken? unread;  // a new token that is told when its experts are known
    private int told;              // of the prompt's tokens, where they are scored
    private TokenScore? ofNext;    // of the prompt's next token
    private volatile bool isCancelled;

    /// <summary>Its place in the cache.</summary>
    public int Slot => place.Slot;

    /// <summary>All tokens, prompt and new ones; valid until the next one is added.</summary>
    public ReadOnlySpan<int> Ids => CollectionsMarshal.AsSpan(ids);

    /// <summary>The number of all tokens.</summary>
    public int Length => ids.Count;

    /// <summary>The tokens that the model has read.</summary>
    public int Read { get; private set; } = place.Read;

    /// <summary>The length that the text had when they were read.</summary>
    public int LengthWhenRead { get; private set; }

    /// <summary>The tokens that it has not read; 1 while decoding.</summary>
    public int Unread => ids.Count - Read;

    public bool IsCancelled => isCancelled || request.Cancellation.IsCancellationRequested;

    /// <summary>The next tokens to read, at most <paramref name="most"/>.</summary>
    public IReadOnlyList<int> Next(int most) => ids.GetRange(Read, Math.Min(most, Unread));

    /// <summary>Whether the logits after token <paramref name="index"/> are wanted.</summary>
    public bool WantsLogitsAfter(int index) =>
        index == ids.Count - 1
            ? request.MaxNewTokens > 0 || GivesLogitsAfter(index)
            : GivesLogitsAfter(index) || (request.ScorePrompt && index >= told && index + 1 < request.Prompt.Count);

    /// <summary>Has all tokens read again.</summary>
    public void ReadAgain() => Read = 0;

    /// <summary>Takes what a pass gave for the next <paramref name="count"/> tokens.</summary>
    /// <param name="count">The tokens that were read.</param>
    /// <param name="logitsAfter">The logits after one of them, by its index among all ids.</param>
    /// <param name="routeOf">The experts of one of them, by its index.</param>
    /// <returns>Why the text ended, or null.</returns>
    public DecodingEnd? Take(
        int count, Func<int, ReadOnlyMemory<float>> logitsAfter, Func<int, IReadOnlyList<TokenRoute>> routeOf)
    {
        var first = Read;
        (Read, LengthWhenRead) = (Read + count, ids.Count);
        for (var index = first; index < Read; index++)
        {
            if (GivesLogitsAfter(index)) request.OnLogits!(index, logitsAfter(index));
        }

        if (request.ScorePrompt && !TellPrompt(first, logitsAfter, routeOf)) return DecodingEnd.Stop;
        if (unread is { } waiting && Read == ids.Count)
        {
            unread = null;
            if (!request.OnToken(waiting with { Route = routeOf(ids.Count - 1) })) return DecodingEnd.Stop;
        }

        if (Read < ids.Count) return null;
        if (request.MaxNewTokens == 0) return DecodingEnd.Length;
        return Add(logitsAfter(ids.Count - 1).Span);
    }

    /// <summary>Ends the text before the next pass.</summary>
    public void Cancel() => isCancelled = true;

    public void Finish(DecodingEnd reason) => end.TrySetResult(reason);

    public void Fail(Exception exception) => end.TrySetException(exception);

    private bool GivesLogitsAfter(int index) =>
        request.OnLogits is not null && index >= request.LogitsFrom && index < request.Prompt.Count;

    private DecodingEnd? Add(ReadOnlySpan<float> logits)
    {
        var id = sampler.Next(logits);
        var score = request.TopLogProbs is { } top ? TokenScore.Of(logits, id, top) : null;
        var token = new DecodedToken(id, IsPrompt: false, score, Route: null);
        ids.Add(id);
        var newTokens = ids.Count - request.Prompt.Count;
        DecodingEnd? reason = request.EndIds.Contains(id) ? DecodingEnd.Stop
            : newTokens == request.MaxNewTokens || ids.Count == capacity ? DecodingEnd.Length
            : null;
        if (request.TraceRouting && reason is null)
        {
            unread = token;
            return null;
        }

        return request.OnToken(token) ? reason : DecodingEnd.Stop;
    }

    private bool TellPrompt(int first, Func<int, ReadOnlyMemory<float>> logitsAfter, Func<int, IReadOnlyList<TokenRoute>> routeOf)
    {
        for (var index = Math.Max(first, told); index < Math.Min(Read, request.Prompt.Count); index++, told++)
        {
            var route = request.TraceRouting ? routeOf(index) : null;
            if (!request.OnToken(new(ids[index], IsPrompt: true, ofNext, route))) return false;
            if (index + 1 < request.Prompt.Count)
                ofNext = TokenScore.Of(logitsAfter(index).Span, ids[index + 1], request.TopLogProbs ?? 0);
        }

        return true;
    }
}
