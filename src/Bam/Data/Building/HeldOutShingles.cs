using System.Collections;
using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Bam.Data.Building;

/// <summary>
/// The shingles of all held-out documents, to find training documents that share text with one of them. Exact up to collisions of
/// 64-bit hashes; about 20 bytes per held-out character.
/// </summary>
/// <remarks>
/// Distinct shingles are numbered in the order of the text, so that after one shingle that is shared the next one is mostly found
/// beside it in memory. A filter of a few bits for each, small enough for the processor's cache, answers for most others.
/// </remarks>
internal sealed class HeldOutShingles
{
    private const int FilterBitsPerHash = 8;

    private readonly List<int> documents = []; // the held-out documents' numbers
    private readonly ulong[] hashes; // of each distinct shingle
    private readonly int[] owners; // of each: an index into the documents, or ~ one into the further owners
    private readonly List<(int Owner, int Next)> furtherOwners = []; // the next as above
    private readonly int[] slots; // open addressing: a shingle + 1
    private int count; // of distinct shingles
    private readonly ulong[] filter; // two bits in a word for each hash
    private readonly int filterShift;
    private readonly ConcurrentBag<Scratch> scratches = [];

    /// <summary>Takes the number of each held-out document and its shingles, of which there are not more than so many.</summary>
    public HeldOutShingles(IEnumerable<(int Document, List<ulong> Shingles)> heldOut, int capacity)
    {
        filterShift = 64 - Math.Max(1, BitOperations.Log2((ulong)capacity * 2 * FilterBitsPerHash / 64));
        filter = new ulong[1L << (64 - filterShift)];
        (hashes, owners, slots) = (new ulong[capacity], new int[capacity], new int[capacity + (capacity / 2) + 1]);
        foreach (var (document, shingles) in heldOut)
        {
            foreach (var hash in shingles) Add(hash, documents.Count);
            documents.Add(document);
        }
    }

    /// <summary>
    /// Finds the held-out document that shares most text, if it contains more than a fraction of the text's distinct shingles.
    /// Thread-safe.
    /// </summary>
    /// <returns>Its number, of equals the smallest, and the fraction; null if there is none.</returns>
    public (int Document, double Share)? FindLargestShare(ReadOnlySpan<char> text, double above)
    {
        if (!scratches.TryTake(out var scratch)) scratch = new(documents.Count);
        (int, double)? found = null;
        // A lower bound of the distinct shingles spares most texts the next two steps.
        var atLeast = Scan(text, scratch);
        if (scratch.Shared.Count >= above * atLeast)
        {
            var (owner, shared) = LargestOf(scratch);
            if (shared >= above * atLeast && (double)shared / scratch.Distinct.Count(text) is var share && share > above)
                found = (documents[owner], share);
        }

        scratches.Add(scratch);
        return found;
    }

    private void Add(ulong hash, int owner)
    {
        // Most are new: the filter spares them the comparison with those in the table.
        ref var word = ref filter[hash >> filterShift];
        var slot = MayHold(word, hash) ? SlotOf(hash) : FreeSlotFor(hash);
        if (slots[slot] == 0)
        {
            word |= FilterBits(hash);
            (hashes[count], owners[count]) = (hash, owner);
            slots[slot] = ++count;
            return;
        }

        ref var latest = ref owners[slots[slot] - 1];
        if ((latest >= 0 ? latest : furtherOwners[~latest].Owner) == owner) return;
        furtherOwners.Add((owner, latest));
        latest = ~(furtherOwners.Count - 1);
    }

    /// <summary>The slot that holds the hash, or the empty one where it belongs.</summary>
    private int SlotOf(ulong hash)
    {
        var slot = FirstSlotOf(hash);
        while (slots[slot] != 0 && hashes[slots[slot] - 1] != hash) slot = SlotAfter(slot);
        return slot;
    }

    private int FreeSlotFor(ulong hash)
    {
        var slot = FirstSlotOf(hash);
        while (slots[slot] != 0) slot = SlotAfter(slot);
        return slot;
    }

    private int FirstSlotOf(ulong hash) => (int)(((hash & uint.MaxValue) * (ulong)slots.Length) >> 32);

    private int SlotAfter(int slot) => slot + 1 == slots.Length ? 0 : slot + 1;

    private static ulong FilterBits(ulong hash) => (1UL << (int)hash) | (1UL << (int)(hash >> 6));

    private static bool MayHold(ulong filterWord, ulong hash) => (FilterBits(hash) & ~filterWord) == 0;

    /// <summary>Collects the shingles that may be held out.</summary>
    /// <returns>A lower bound of the number of distinct shingles: how many bits of a bitmap they set.</returns>
    private int Scan(ReadOnlySpan<char> text, Scratch scratch)
    {
        var (shared, words, shift) = (scratch.Shared, scratch.FilterWords, filterShift);
        shared.Clear();
        var bits = scratch.BitmapFor(text.Length);
        var bitShift = 64 - BitOperations.Log2((uint)bits.Length) - 6;
        foreach (var block in new Shingles(text))
        {
            // A loop of its own, so that many loads of the filter are under way at a time.
            for (var i = 0; i < block.Length; i++) words[i] = filter[block[i] >> shift];
            foreach (var hash in block) bits[(int)(hash >> bitShift >> 6)] |= 1UL << (int)(hash >> bitShift);
            var found = shared.Count;
            CollectionsMarshal.SetCount(shared, found + block.Length);
            var target = CollectionsMarshal.AsSpan(shared);
            for (var i = 0; i < block.Length; i++)
            {
                // Without a branch, which the processor would mispredict.
                target[found] = block[i];
                found += MayHold(words[i], block[i]) ? 1 : 0;
            }

            CollectionsMarshal.SetCount(shared, found);
        }

        var set = 0;
        foreach (var word in bits) set += BitOperations.PopCount(word);
        return set;
    }

    /// <summary>
    /// The held-out document with most of the collected shingles, -1 if none has any, and their number. They are lost.
    /// </summary>
    private (int Owner, int Count) LargestOf(Scratch scratch)
    {
        var (seen, found, last) = (scratch.SeenOf(count), 0, -1);
        var shared = CollectionsMarshal.AsSpan(scratch.Shared);
        foreach (var hash in shared)
        {
            var next = last + 1;
            last = next < count && hashes[next] == hash ? next : slots[SlotOf(hash)] - 1;
            if (last < 0 || seen[last]) continue;
            seen[last] = true;
            shared[found++] = (ulong)last;
            var owner = owners[last];
            for (; owner < 0; owner = furtherOwners[~owner].Next) scratch.Count(furtherOwners[~owner].Owner);
            scratch.Count(owner);
        }

        foreach (var shingle in shared[..found]) seen[(int)shingle] = false;
        var (best, most) = (-1, 0);
        foreach (var owner in scratch.Sharing)
        {
            var count = scratch.Counts[owner];
            if (count > most || (count == most && owner < best)) (best, most) = (owner, count);
            scratch.Counts[owner] = 0;
        }

        scratch.Sharing.Clear();
        return (best, most);
    }

    /// <summary>The buffers of one search.</summary>
    private sealed class Scratch(int owners)
    {
        private const int BitsPerCharacter = 4;

        private ulong[] bitmap = [];
        private BitArray? seen;

        /// <summary>Shingles that may be held out, in order.</summary>
        public List<ulong> Shared { get; } = [];

        /// <summary>The filter's words for a block of shingles.</summary>
        public ulong[] FilterWords { get; } = new ulong[Shingles.BlockLength];

        /// <summary>How many shingles each held-out document shares; zeros between searches.</summary>
        public int[] Counts { get; } = new int[owners];

        /// <summary>The held-out documents that share any.</summary>
        public List<int> Sharing { get; } = [];

        public DistinctShingles Distinct { get; } = new();

        /// <summary>Per held-out shingle: false between searches.</summary>
        public BitArray SeenOf(int shingles) => seen ??= new(shingles);

        /// <summary>Counts a shingle of a held-out document.</summary>
        public void Count(int owner)
        {
            if (Counts[owner]++ == 0) Sharing.Add(owner);
        }

        /// <summary>Zeros, a power of two of them.</summary>
        public Span<ulong> BitmapFor(int characters)
        {
            var length = (int)BitOperations.RoundUpToPowerOf2((uint)(((long)characters * BitsPerCharacter / 64) + 2));
            if (bitmap.Length < length) bitmap = new ulong[length];
            else bitmap.AsSpan(0, length).Clear();
            return bitmap.AsSpan(0, length);
        }
    }
}
