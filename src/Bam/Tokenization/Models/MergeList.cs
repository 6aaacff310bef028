using System.Runtime.CompilerServices;

namespace Bam.Tokenization.Models;

/// <summary>The merges of byte-pair encoding: which neighbours become one token, and which of them first.</summary>
internal sealed class MergeList
{
    private readonly Merge[] merges;
    private readonly PairTable ranks;

    /// <summary>Takes the merges in order of rank; of two for the same pair the later one counts, as with Hugging Face.</summary>
    public MergeList(Merge[] merges)
    {
        this.merges = merges;
        ranks = new PairTable(merges.Length);
        for (var rank = 0; rank < merges.Length; rank++) ranks[merges[rank].First, merges[rank].Second] = rank;
    }

    /// <summary>The merges in order of rank.</summary>
    public ReadOnlySpan<Merge> Items => merges;

    /// <summary>Whether two neighbours ever merge.</summary>
    public bool Contains(int first, int second) => ranks[first, second] >= 0;

    /// <summary>Merges until nothing more merges: the lowest rank first, the leftmost of equals.</summary>
    /// <param name="symbols">The word's symbols, overwritten.</param>
    /// <param name="scratch">At least as long as <paramref name="symbols"/>.</param>
    /// <returns>How many symbols are left at the start of <paramref name="symbols"/>.</returns>
    public int Apply(Span<int> symbols, Span<int> scratch)
    {
        // Up to here shifting the rest of the word is cheaper than a queue.
        const int LongestShifted = 96;
        return symbols.Length <= LongestShifted ? Shift(symbols, scratch) : Queue(symbols);
    }

    private int RankOf(int first, int second) => (int)Math.Min((uint)ranks[first, second], int.MaxValue);

    private int Shift(Span<int> symbols, Span<int> rankAt)
    {
        var count = symbols.Length;
        for (var i = 0; i + 1 < count; i++) rankAt[i] = RankOf(symbols[i], symbols[i + 1]);
        while (count > 1)
        {
            var best = 0;
            for (var i = 1; i + 1 < count; i++)
            {
                if (rankAt[i] < rankAt[best]) best = i;
            }

            if (rankAt[best] == int.MaxValue) break;
            symbols[best] = merges[rankAt[best]].Result;
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            rankAt[(best + 1)..(count - 1)].CopyTo(rankAt[best..]);
            count--;
            if (best > 0) rankAt[best - 1] = RankOf(symbols[best - 1], symbols[best]);
            if (best + 1 < count) rankAt[best] = RankOf(symbols[best], symbols[best + 1]);
        }

        return count;
    }

    private int Queue(Span<int> symbols)
    {
        var links = new (int Previous, int Next)[symbols.Length];
        var queue = new PriorityQueue<int, long>(symbols.Length); // positions
        for (var i = 0; i < symbols.Length; i++)
        {
            links[i] = (i - 1, i + 1 < symbols.Length ? i + 1 : -1);
            Enqueue(queue, symbols, i, links[i].Next);
        }

        while (queue.TryDequeue(out var position, out var candidate))
        {
            var next = links[position].Next;
            // Stale: the pair at this position has changed since.
            var rank = (int)(candidate >> 32);
            if (symbols[position] < 0 || next < 0 || RankOf(symbols[position], symbols[next]) != rank) continue;
            symbols[position] = merges[rank].Result;
            symbols[next] = -1;
            var after = links[next].Next;
            links[position].Next = after;
            if (after >= 0) links[after].Previous = position;
            Enqueue(queue, symbols, links[position].Previous, position);
            Enqueue(queue, symbols, position, after);
        }

        var count = 0;
        foreach (var symbol in symbols)
        {
            if (symbol >= 0) symbols[count++] = symbol;
        }

        return count;
    }

    private void Enqueue(PriorityQueue<int, long> queue, Span<int> symbols, int first, int second)
    {
        if (first < 0 || second < 0) return;
        var rank = RankOf(symbols[first], symbols[second]);
        if (rank != int.MaxValue) queue.Enqueue(first, ((long)rank << 32) | (uint)first); // the rank, then the position
    }
}

/// <summary>Two neighbouring tokens and the token that they become.</summary>
/// <param name="First">The id of the left one.</param>
/// <param name="Second">The id of the right one.</param>
/// <param name="Result">The id of the token whose text is both together.</param>
internal readonly record struct Merge(int First, int Second, int Result);

/// <summary>Maps pairs of token ids to a number that is not negative; open addressing over two arrays.</summary>
internal sealed class PairTable
{
    private const ulong Empty = ulong.MaxValue; // ids are not negative, so that no pair has this key

    private ulong[] keys;
    private int[] values;
    private int shift; // takes the top bits of the hash

    /// <summary>Makes room for that many pairs; more may come.</summary>
    public PairTable(int capacity)
    {
        var bits = 4;
        while (1L << bits < capacity * 2L) bits++;
        Allocate(bits, out keys, out values);
    }

    /// <summary>How many pairs there are.</summary>
    public int Count { get; private set; }

    /// <summary>Gets the number of a pair, or -1; sets it.</summary>
    public int this[int first, int second]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            var slot = SlotOf(Key(first, second));
            return keys[slot] == Empty ? -1 : values[slot];
        }

        set
        {
            if (Count * 2 >= keys.Length) Grow();
            var key = Key(first, second);
            var slot = SlotOf(key);
            if (keys[slot] == Empty) Count++;
            keys[slot] = key;
            values[slot] = value;
        }
    }

    private static ulong Key(int first, int second) => ((ulong)(uint)first << 32) | (uint)second;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int SlotOf(ulong key)
    {
        var table = keys;
        var slot = (int)(key * 0x9E3779B97F4A7C15 >> shift);
        while (table[slot] != key && table[slot] != Empty) slot = (slot + 1) & (table.Length - 1);
        return slot;
    }

    private void Allocate(int bits, out ulong[] newKeys, out int[] newValues)
    {
        newKeys = new ulong[1 << bits];
        newValues = new int[1 << bits];
        Array.Fill(newKeys, Empty);
        shift = 64 - bits;
    }

    private void Grow()
    {
        var (oldKeys, oldValues) = (keys, values);
        Allocate(65 - shift, out keys, out values);
        for (var i = 0; i < oldKeys.Length; i++)
        {
            if (oldKeys[i] == Empty) continue;
            var slot = SlotOf(oldKeys[i]);
            keys[slot] = oldKeys[i];
            values[slot] = oldValues[i];
        }
    }
}
