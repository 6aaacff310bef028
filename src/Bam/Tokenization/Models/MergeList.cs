using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Bam.Tokenization.Models;

/// <summary>The ranked merges of byte-pair encoding.</summary>
internal sealed class MergeList
{
    /// <summary>Up to this length, shifting the rest of the word is faster than a priority queue.</summary>
    public const int MaxShiftLength = 96;

    private readonly Merge[] merges;
    private readonly PairTable ranks;
    private readonly ConcurrentBag<PriorityQueue<int, long>> queues = []; // of no very long words

    /// <summary>Takes the merges in order of rank; of duplicates the last one counts, as in Hugging Face's tokenizers.</summary>
    public MergeList(Merge[] merges)
    {
        this.merges = merges;
        ranks = new PairTable(merges.Length);
        for (var rank = 0; rank < merges.Length; rank++) ranks[merges[rank].First, merges[rank].Second] = rank;
    }

    /// <summary>The merges in order of rank.</summary>
    public ReadOnlySpan<Merge> Items => merges;

    /// <summary>True if the pair has a merge.</summary>
    public bool Contains(int first, int second) => ranks[first, second] >= 0;

    /// <summary>
    /// Applies all merges to <paramref name="symbols"/>, lowest rank first, leftmost first. <paramref name="scratch"/> is at
    /// least as long or has <see cref="MaxShiftLength"/>.
    /// </summary>
    /// <returns>The number of symbols left at the start of <paramref name="symbols"/>.</returns>
    public int Apply(Span<int> symbols, Span<int> scratch) =>
        symbols.Length <= MaxShiftLength ? Shift(symbols, scratch) : Queue(symbols);

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
        const int MaxKeptLength = 1 << 12;
        var links = ArrayPool<(int Previous, int Next)>.Shared.Rent(symbols.Length);
        var isKept = symbols.Length <= MaxKeptLength;
        var queue = isKept && queues.TryTake(out var used) ? used : new(symbols.Length); // positions
        for (var i = 0; i < symbols.Length; i++)
        {
            links[i] = (i - 1, i + 1 < symbols.Length ? i + 1 : -1);
            Enqueue(queue, symbols, i, links[i].Next);
        }

        while (queue.TryDequeue(out var position, out var candidate))
        {
            var next = links[position].Next;
            // Stale: the pair at this position has changed.
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

        if (isKept) queues.Add(queue);
        ArrayPool<(int, int)>.Shared.Return(links);
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

/// <summary>The ids of two adjacent tokens and of the token that they merge to.</summary>
internal readonly record struct Merge(int First, int Second, int Result);

/// <summary>Maps pairs of token ids to non-negative numbers, by open addressing over two arrays.</summary>
internal sealed class PairTable
{
    private const ulong Empty = ulong.MaxValue; // no pair of non-negative ids has this key

    private ulong[] keys;
    private int[] values;
    private int shift; // takes the top bits of the hash

    public PairTable(int capacity)
    {
        var bits = 4;
        while (1L << bits < capacity * 2L) bits++;
        Allocate(bits, out keys, out values);
    }

    public int Count { get; private set; }

    /// <summary>Gets or sets the number of a pair; -1 if missing.</summary>
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
