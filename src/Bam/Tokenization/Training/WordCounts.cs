using Bam.Tokenization.Models;

namespace Bam.Tokenization.Training;

/// <summary>How often each distinct word occurs.</summary>
internal sealed class WordCounts
{
    private readonly SpanTable words = new();
    private long[] counts = new long[256];

    /// <summary>How many distinct words there are.</summary>
    public int Count => words.Count;

    /// <summary>The word of that number.</summary>
    public ReadOnlySpan<char> Word(int index) => words[index];

    /// <summary>How often the word of that number occurs.</summary>
    public long Occurrences(int index) => counts[index];

    /// <summary>Counts a word.</summary>
    public void Add(ReadOnlySpan<char> word, long occurrences = 1)
    {
        var index = words.FindOrAdd(word);
        if (index == counts.Length) Array.Resize(ref counts, counts.Length * 2);
        counts[index] += occurrences;
    }

    /// <summary>Adds all of another's.</summary>
    public void Add(WordCounts other)
    {
        for (var i = 0; i < other.Count; i++) Add(other.Word(i), other.Occurrences(i));
    }
}
