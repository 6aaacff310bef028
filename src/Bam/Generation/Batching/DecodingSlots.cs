using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Models;

namespace Bam.Generation.Batching;

/// <summary>
/// The slots of a cache, and the tokens whose keys and values each one holds. A text that begins like another, for instance with
/// the same few-shot examples, takes over what was computed for it.
/// </summary>
internal sealed class DecodingSlots : IDisposable
{
    // Reading fewer tokens again costs less than a pass that waits for them.
    private const int LeastShared = 16;

    private readonly bool canShare;
    private readonly int[][] held;  // by slots that no text uses
    private readonly List<int> free;  // least recently used first
    private readonly List<DecodingSequence> users = [];

    /// <summary>Allocates the cache.</summary>
    public DecodingSlots(LanguageModel model, int slots, int capacity)
    {
        Cache = model.CreateSlots(slots, capacity);
        // The keys of these depend on the length of the text.
        canShare = model.Config.RopeScaling is not { Type: RopeScalingType.Dynamic or RopeScalingType.Longrope };
        held = [.. Enumerable.Repeat<int[]>([], slots)];
        free = [.. Enumerable.Range(0, slots)];
    }

    public SlotCache Cache { get; }

    /// <summary>The number of slots that no text uses.</summary>
    public int Free => free.Count;

    /// <summary>
    /// Whether a text should wait, because another one is reading the beginning that both have in common.
    /// </summary>
    public bool ShouldWait(DecodingRequest request)
    {
        if (!canShare || request.Shareable < LeastShared || users.Count == 0) return false;
        var beginning = Beginning(request);
        var soon = 0;
        foreach (var user in users) soon = Math.Max(soon, user.Ids.CommonPrefixLength(beginning));
        return soon - Longest(beginning).Shared >= LeastShared;
    }

    /// <summary>Finds a slot for a text, which begins with the longest beginning that another one has read.</summary>
    /// <returns>The slot and the number of tokens that need not be read.</returns>
    public (int Slot, int Read) Take(DecodingRequest request)
    {
        var (source, shared) = canShare ? Longest(Beginning(request)) : default;
        if (shared < LeastShared) (source, shared) = (free[0], 0);
        var slot = free.Contains(source) ? source : free[0];
        if (slot != source) Cache.Copy(source, slot, shared);
        free.Remove(slot);
        held[slot] = [];
        return (slot, shared);
    }

    /// <summary>Adds the text of a slot that was taken.</summary>
    public void Add(DecodingSequence user) => users.Add(user);

    /// <summary>Gives a text's slot back.</summary>
    public void Return(DecodingSequence user)
    {
        users.Remove(user);
        held[user.Slot] = user.Ids[..user.Read].ToArray();
        free.Add(user.Slot);
    }

    public void Dispose() => Cache.Dispose();

    // The slot with the most of these tokens, read and at its beginning.
    private (int Slot, int Shared) Longest(ReadOnlySpan<int> beginning)
    {
        var longest = (Slot: 0, Shared: 0);
        foreach (var slot in free) Consider(slot, held[slot].AsSpan().CommonPrefixLength(beginning));
        foreach (var user in users) Consider(user.Slot, user.Ids[..user.Read].CommonPrefixLength(beginning));
        return longest;

        void Consider(int slot, int shared)
        {
            if (shared > longest.Shared) longest = (slot, shared);
        }
    }

    private static ReadOnlySpan<int> Beginning(DecodingRequest request) =>
        request.Prompt is int[] ids ? ids.AsSpan(0, request.Shareable)
            : request.Prompt is List<int> list ? CollectionsMarshal.AsSpan(list)[..request.Shareable]
            : request.Prompt.Take(request.Shareable).ToArray();
}
