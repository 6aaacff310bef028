namespace Bam.Tokenization.Models;

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
