using System.Collections.Concurrent;
using System.Numerics;

namespace Bam.Data.Building;

/// <summary>
/// The shingles of all held-out documents, to find training documents that share text with one of them. Exact up to collisions of
/// 64-bit hashes; about 40 bytes per held-out character.
/// </summary>
/// <remarks>
/// Distinct shingles are numbered in the order of the text, so that after one shingle that is shared the next one is mostly found
/// beside it in memory. A filter of a few bits for each, small enough for the processor's cache, answers for most others.
/// </remarks>
internal sealed class HeldOutShingles
{
    private const int FilterBitsPerHash = 8;

    private readonly List<int> documents = []; // the held-out documents' numbers
    private readonly List<ulong> hashes = []; // of each distinct shingle
    private readonly int[] firstOwner; // of each shingle, and the end of the last one's
    private readonly int[] owners; // indices into the documents
    private readonly ulong[] filter;
    private readonly int filterShift;
    private readonly ConcurrentBag<Scratch> scratches = [];
    private int[] slots = new int[1 << 12]; // open addressing: a shingle + 1

    /// <summary>Takes the number of each held-out document and its distinct shingles.</summary>
    public HeldOutShingles(IEnumerable<(int Document, ulong[] Shingles)> heldOut)
    {
        var (shingles, ends) = (new List<int>(), new List<int>()); // of all documents
        foreach (var (document, distinct) in heldOut)
        {
            documents.Add(document);
            foreach (var hash in distinct) shingles.Add(FindOrAdd(hash));
            ends.Add(shingles.Count);
        }

        firstOwner = new int[hashes.Count + 1];
        owners = new int[shingles.Count];
        foreach (var shingle in shingles) firstOwner[shingle + 1]++;
        for (var shingle = 0; shingle < hashes.Count; shingle++) firstOwner[shingle + 1] += firstOwner[shingle];
        var next = firstOwner.ToArray();
        for (var (i, owner) = (0, 0); i < shingles.Count; i++)
        {
            while (i == ends[owner]) owner++;
            owners[next[shingles[i]]++] = owner;
        }

        var filterBits = BitOperations.Log2((uint)hashes.Count | 1) + BitOperations.Log2(2 * FilterBitsPerHash);
        (filter, filterShift) = (new ulong[(1L << filterBits) / 64 + 1], 64 - filterBits);
        foreach (var hash in hashes) filter[hash >> filterShift >> 6] |= 1UL << (int)(hash >> filterShift);
    }

    /// <summary>
    /// Finds the held-out document that shares most text, if it contains more than a fraction of the text's distinct shingles.
    /// Thread-safe.
    /// </summary>
    /// <returns>Its number, of equals the smallest, and the fraction; null if there is none.</returns>
    public (int Document, double Share)? FindLargestShare(string text, double above)
    {
        if (!scratches.TryTake(out var scratch)) scratch = new(documents.Count);
        (int, double)? found = null;
        // A lower bound of the distinct shingles spares most texts the next two steps.
        var atLeast = Scan(text, scratch);
        if (scratch.Shared.Count >= above * atLeast)
        {
            var (owner, shared) = LargestOf(scratch);
            if (shared >= above * atLeast && (double)shared / scratch.Seen.CountDistinct(text) is var share && share > above)
                found = (documents[owner], share);
        }

        scratches.Add(scratch);
        return found;
    }

    private int FindOrAdd(ulong hash)
    {
        if (hashes.Count * 2 >= slots.Length)
        {
            slots = new int[slots.Length * 2];
            for (var shingle = 0; shingle < hashes.Count; shingle++) slots[SlotOf(hashes[shingle])] = shingle + 1;
        }

        ref var slot = ref slots[SlotOf(hash)];
        if (slot != 0) return slot - 1;
        hashes.Add(hash);
        slot = hashes.Count;
        return slot - 1;
    }

    private int SlotOf(ulong hash)
    {
        var mask = slots.Length - 1;
        var slot = (int)hash & mask;
        while (slots[slot] != 0 && hashes[slots[slot] - 1] != hash) slot = (slot + 1) & mask;
        return slot;
    }

    private bool MayHold(ulong hash) => (filter[hash >> filterShift >> 6] & (1UL << (int)(hash >> filterShift))) != 0;

    /// <summary>Collects the shingles that may be held out.</summary>
    /// <returns>A lower bound of the number of distinct shingles: how many bits of a bitmap they set.</returns>
    private int Scan(string text, Scratch scratch)
    {
        scratch.Shared.Clear();
        var bits = scratch.BitmapFor(text.Length);
        var shift = 64 - BitOperations.Log2((uint)bits.Length) - 6;
        foreach (var block in new Shingles(text))
        {
            foreach (var hash in block)
            {
                bits[(int)(hash >> shift >> 6)] |= 1UL << (int)(hash >> shift);
                if (MayHold(hash)) scratch.Shared.Add(hash);
            }
        }

        var set = 0;
        foreach (var word in bits) set += BitOperations.PopCount(word);
        return set;
    }

    /// <summary>The held-out document with most of the collected shingles, -1 if none has any, and their number.</summary>
    private (int Owner, int Count) LargestOf(Scratch scratch)
    {
        scratch.Seen.Clear(scratch.Shared.Count);
        var last = -1;
        foreach (var hash in scratch.Shared)
        {
            var next = last + 1;
            last = next < hashes.Count && hashes[next] == hash ? next : slots[SlotOf(hash)] - 1;
            if (last < 0 || !scratch.Seen.Add(hash)) continue;
            foreach (var owner in owners.AsSpan(firstOwner[last], firstOwner[last + 1] - firstOwner[last]))
            {
                if (scratch.Counts[owner]++ == 0) scratch.Sharing.Add(owner);
            }
        }

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

        /// <summary>Shingles that may be held out, in order.</summary>
        public List<ulong> Shared { get; } = [];

        /// <summary>How many shingles each held-out document shares; zeros between searches.</summary>
        public int[] Counts { get; } = new int[owners];

        /// <summary>The held-out documents that share any.</summary>
        public List<int> Sharing { get; } = [];

        public ShingleSet Seen { get; } = new();

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
