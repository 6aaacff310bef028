using System.Runtime.InteropServices;

namespace Bam.Tokenization.Models;

/// <summary>Byte-pair encoding: the symbols that a word begins as are merged by rank.</summary>
/// <param name="vocabulary">Every merge's parts and result are in it.</param>
/// <param name="merges">In order of rank.</param>
internal abstract class BpeModel(Vocabulary vocabulary, MergeList merges)
{
    /// <summary>Tokens and ids.</summary>
    public Vocabulary Vocabulary { get; } = vocabulary;

    /// <summary>What is merged, and in which order.</summary>
    public MergeList Merges { get; } = merges;

    /// <summary>Stands for what has no token; -1 when there is none.</summary>
    public int UnknownId { get; init; } = -1;

    /// <summary>Neighbours without a token become one <see cref="UnknownId"/>.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>A word that is a token as a whole becomes it, whatever the merges say.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Appends the ids of one word.</summary>
    /// <param name="word">UTF-16; an unpaired surrogate counts as U+FFFD.</param>
    /// <param name="cache">The calling thread's cache.</param>
    /// <param name="ids">Receives the ids.</param>
    public abstract void Encode(ReadOnlySpan<char> word, WordCache cache, List<int> ids);

    /// <summary>Appends the ids of a word that is not too long to be remembered from the cache, if it is there.</summary>
    protected void EncodeCached(ReadOnlySpan<char> word, WordCache cache, List<int> ids)
    {
        if (word.Length > WordCache.MaxWordLength)
        {
            EncodeAnew(word, ids);
            return;
        }

        if (!cache.TryGet(word, out var found, out var hash))
        {
            var start = ids.Count;
            EncodeAnew(word, ids);
            cache.Add(word, hash, CollectionsMarshal.AsSpan(ids)[start..]);
            return;
        }

        ids.AddRange(found);
    }

    /// <summary>Appends the ids of a word, whatever the cache knows.</summary>
    protected abstract void EncodeAnew(ReadOnlySpan<char> word, List<int> ids);
}

/// <summary>The model's tokens and their ids, both ways.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> idsBySpan;

    /// <summary>Takes tokens with distinct ids.</summary>
    public Vocabulary(Dictionary<string, int> ids)
    {
        this.ids = ids;
        idsBySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        MaxId = ids.Count == 0 ? -1 : ids.Values.Max();
    }

    /// <summary>How many tokens there are.</summary>
    public int Count => ids.Count;

    /// <summary>The largest id; ids may have gaps.</summary>
    public int MaxId { get; }

    /// <summary>All tokens with their ids, in no order.</summary>
    public IEnumerable<KeyValuePair<string, int>> Tokens => ids;

    /// <summary>The id of a token, or -1.</summary>
    public int IdOf(ReadOnlySpan<char> token) => idsBySpan.TryGetValue(token, out var id) ? id : -1;
}

/// <summary>Remembers the ids of words. When it is full it forgets everything, which costs little and never grows old.</summary>
internal sealed class WordCache
{
    /// <summary>Longer words are rare and not remembered.</summary>
    public const int MaxWordLength = 48;

    private const int MaxWords = 1 << 16;

    private readonly SpanTable words = new();
    private (int Start, int Length)[] ranges = new (int, int)[256];
    private int[] ids = new int[1024];
    private int idsUsed;

    /// <summary>The ids of a word, if it is remembered.</summary>
    /// <param name="word">The word.</param>
    /// <param name="found">Its ids; valid until the next <see cref="Add"/>.</param>
    /// <param name="hash">To be handed to <see cref="Add"/> when the word is missing.</param>
    public bool TryGet(ReadOnlySpan<char> word, out ReadOnlySpan<int> found, out uint hash)
    {
        var index = words.Find(word, out hash);
        found = index < 0 ? default : ids.AsSpan(ranges[index].Start, ranges[index].Length);
        return index >= 0;
    }

    /// <summary>Remembers a word that <see cref="TryGet"/> has just not found.</summary>
    public void Add(ReadOnlySpan<char> word, uint hash, ReadOnlySpan<int> wordIds)
    {
        if (words.Count == MaxWords)
        {
            words.Clear();
            idsUsed = 0;
        }

        var index = words.Add(word, hash);
        if (index >= ranges.Length) Array.Resize(ref ranges, ranges.Length * 2);
        if (idsUsed + wordIds.Length > ids.Length) Array.Resize(ref ids, Math.Max(ids.Length * 2, idsUsed + wordIds.Length));
        ranges[index] = (idsUsed, wordIds.Length);
        wordIds.CopyTo(ids.AsSpan(idsUsed));
        idsUsed += wordIds.Length;
    }
}
