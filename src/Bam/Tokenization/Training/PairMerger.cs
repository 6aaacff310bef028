using System.Text;
using Bam.Tokenization.Models;

namespace Bam.Tokenization.Training;

/// <summary>
/// The inner loop of training: the words as sequences of ids, the frequency of each pair of adjacent ids, and the words that
/// contain it. Merging a pair visits only these words.
/// </summary>
internal sealed class PairMerger
{
    // Ties go to the smaller ids, as in Hugging Face's tokenizers, so that the order of words and threads do not matter.
    private static readonly Comparer<(long Count, int First, int Second)> MostFrequentFirst =
        Comparer<(long Count, int First, int Second)>.Create(
            (a, b) => a.Count != b.Count ? b.Count.CompareTo(a.Count) : (a.First, a.Second).CompareTo((b.First, b.Second)));

    private readonly int[] symbols; // all words, concatenated
    private readonly (int Start, int Length)[] words; // a word shrinks in place
    private readonly long[] occurrences; // of each word
    private readonly PairTable indices = new(1 << 12); // into pairs
    private readonly PriorityQueue<int, (long Count, int First, int Second)> queue = new(MostFrequentFirst);
    private readonly List<int> grown = []; // pairs created by the current merge
    private Pair[] pairs = new Pair[1 << 12];
    private int merge; // number of the current merge

    /// <summary>Starts from single bytes, whose ids are <paramref name="byteIds"/>.</summary>
    /// <exception cref="InvalidInputException">The limit is exceeded.</exception>
    public PairMerger(WordCounts wordCounts, ReadOnlySpan<int> byteIds)
    {
        words = new (int, int)[wordCounts.Count];
        occurrences = new long[wordCounts.Count];
        var total = 0L;
        for (var word = 0; word < words.Length; word++)
        {
            occurrences[word] = wordCounts.Occurrences(word);
            words[word] = ((int)total, Encoding.UTF8.GetByteCount(wordCounts.Word(word)));
            total += words[word].Length;
            if (total > Array.MaxLength) throw SpanTable.TooMany(Array.MaxLength, "UTF-8 bytes of distinct words");
        }

        symbols = new int[total];
        var bytes = new byte[words.Max(w => (int?)w.Length) ?? 0];
        for (var word = 0; word < words.Length; word++)
        {
            var (start, length) = words[word];
            Encoding.UTF8.GetBytes(wordCounts.Word(word), bytes);
            for (var i = 0; i < length; i++) symbols[start + i] = byteIds[bytes[i]];
        }

        CountAll();
    }

    /// <summary>Removes the most frequent pair from the queue; false if none is frequent enough.</summary>
    public bool TryTake(long minFrequency, out int first, out int second)
    {
        while (queue.TryDequeue(out var index, out var queued))
        {
            ref var pair = ref pairs[index];
            if (pair.Count < minFrequency) continue;
            if (pair.Count == queued.Count)
            {
                (first, second) = (pair.First, pair.Second);
                return true;
            }

            Enqueue(index); // its count has decreased
        }

        (first, second) = (-1, -1);
        return false;
    }

    /// <summary>Replaces the pair by one id in all words.</summary>
    public void Merge(int first, int second, int result)
    {
        merge++;
        var index = indices[first, second];
        foreach (var word in pairs[index].Words) MergeIn(word, first, second, result);
        pairs[index].Count = 0;
        pairs[index].Words = [];
        EnqueueGrown();
    }

    private void CountAll()
    {
        for (var word = 0; word < words.Length; word++)
        {
            var (start, length) = words[word];
            for (var i = start; i + 1 < start + length; i++) Add(symbols[i], symbols[i + 1], word, occurrences[word]);
        }

        EnqueueGrown();
    }

    private void EnqueueGrown()
    {
        foreach (var index in grown) Enqueue(index);
        grown.Clear();
    }

    private void Enqueue(int index) => queue.Enqueue(index, (pairs[index].Count, pairs[index].First, pairs[index].Second));

    private void MergeIn(int word, int first, int second, int result)
    {
        var (start, length) = words[word];
        var text = symbols.AsSpan(start, length);
        var count = occurrences[word];
        var kept = 0;
        for (var i = 0; i < length; i++)
        {
            if (i + 1 == length || text[i] != first || text[i + 1] != second)
            {
                text[kept++] = text[i];
                continue;
            }

            if (kept > 0)
            {
                pairs[indices[text[kept - 1], first]].Count -= count;
                Add(text[kept - 1], result, word, count);
            }

            if (i + 2 < length)
            {
                pairs[indices[second, text[i + 2]]].Count -= count;
                Add(result, text[i + 2], word, count);
            }

            text[kept++] = result;
            i++;
        }

        words[word].Length = kept;
    }

    private void Add(int first, int second, int word, long count)
    {
        var index = indices[first, second];
        if (index < 0)
        {
            index = indices.Count;
            indices[first, second] = index;
            if (index == pairs.Length) Array.Resize(ref pairs, pairs.Length * 2);
            pairs[index] = new Pair { First = first, Second = second, Words = [], GrownIn = -1 };
        }

        ref var pair = ref pairs[index];
        pair.Count += count;
        if (pair.Words.Count == 0 || pair.Words[^1] != word) pair.Words.Add(word);
        if (pair.GrownIn == merge) return;
        pair.GrownIn = merge;
        grown.Add(index);
    }

    private struct Pair
    {
        public int First;
        public int Second;
        public long Count;
        public List<int> Words; // some may no longer contain the pair
        public int GrownIn;
    }
}
