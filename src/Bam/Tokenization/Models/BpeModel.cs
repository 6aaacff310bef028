using System.Runtime.InteropServices;

namespace Bam.Tokenization.Models;

/// <summary>Byte-pair encoding: the initial symbols of a word are merged by rank.</summary>
internal abstract class BpeModel(Vocabulary vocabulary, MergeList merges)
{
    public Vocabulary Vocabulary { get; } = vocabulary;

    public MergeList Merges { get; } = merges;

    /// <summary>The unknown token; -1 if there is none.</summary>
    public int UnknownId { get; init; } = -1;

    /// <summary>Consecutive unknown symbols become one <see cref="UnknownId"/>.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>A word that is a token is not split.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>
    /// Appends the ids of one word; an unpaired surrogate is encoded as U+FFFD. The cache belongs to the calling thread.
    /// </summary>
    public abstract void Encode(ReadOnlySpan<char> word, WordCache cache, List<int> ids);

    /// <summary>Appends the ids of a word, from the cache if possible.</summary>
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

    /// <summary>Appends the ids of a word without the cache.</summary>
    protected abstract void EncodeAnew(ReadOnlySpan<char> word, List<int> ids);
}

/// <summary>The tokens of the model and their ids.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> idsBySpan;

    public Vocabulary(Dictionary<string, int> ids)
    {
        this.ids = ids;
        idsBySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        MaxId = ids.Count == 0 ? -1 : ids.Values.Max();
    }

    public int Count => ids.Count;

    /// <summary>The largest id; ids may have gaps.</summary>
    public int MaxId { get; }

    /// <summary>All tokens with their ids, unordered.</summary>
    public IEnumerable<KeyValuePair<string, int>> Tokens => ids;

    /// <summary>The id of a token, or -1.</summary>
    public int IdOf(ReadOnlySpan<char> token) => idsBySpan.TryGetValue(token, out var id) ? id : -1;
}

/// <summary>Caches the ids of words. It is cleared when full, which is cheap and adapts to the text.</summary>
internal sealed class WordCache
{
    /// <summary>Longer words are not cached.</summary>
    public const int MaxWordLength = 48;

    private const int MaxWords = 1 << 16;

    private readonly SpanTable words = new();
    private (int Start, int Length)[] ranges = new (int, int)[256];
    private int[] ids = new int[1024];
    private int idsUsed;

    /// <summary>
    /// Looks up a word. The ids are valid until the next <see cref="Add"/>; pass the hash to it if the word is missing.
    /// </summary>
    public bool TryGet(ReadOnlySpan<char> word, out ReadOnlySpan<int> found, out uint hash)
    {
        var index = words.Find(word, out hash);
        found = index < 0 ? default : ids.AsSpan(ranges[index].Start, ranges[index].Length);
        return index >= 0;
    }

    /// <summary>Adds a word that <see cref="TryGet"/> did not find.</summary>
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
