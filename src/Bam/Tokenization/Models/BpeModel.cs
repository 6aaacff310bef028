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
