using System.Numerics;

namespace Bam.Data.Building;

/// <summary>A reusable set of shingles' hashes by open addressing; 0 counts as 1.</summary>
internal sealed class ShingleSet
{
    /// <summary>The longest text whose shingles are put into a set, which then takes up to 16 MiB.</summary>
    private const int LongestText = 1 << 20;

    private readonly List<ulong> distinct = [];
    private ulong[] slots = [];
    private int mask;

    /// <summary>The distinct shingles of a text, in its order unless it is very long; the set's content is lost.</summary>
    public ulong[] Distinct(ReadOnlySpan<char> text)
    {
        if (text.Length > LongestText) return Shingles.Distinct(text);
        Clear(text.Length);
        distinct.Clear();
        foreach (var block in new Shingles(text))
        {
            foreach (var hash in block)
            {
                if (Add(hash)) distinct.Add(hash);
            }
        }

        return [.. distinct];
    }

    /// <summary>The number of distinct shingles of a text; the set's content is lost.</summary>
    public int CountDistinct(ReadOnlySpan<char> text)
    {
        if (text.Length > LongestText) return Shingles.Distinct(text).Length;
        Clear(text.Length);
        var count = 0;
        foreach (var block in new Shingles(text))
        {
            foreach (var hash in block)
            {
                if (Add(hash)) count++;
            }
        }

        return count;
    }

    /// <summary>Empties the set, which then has room for so many hashes.</summary>
    public void Clear(int capacity)
    {
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)((capacity * 3L / 2) + 1));
        if (slots.Length < size) slots = new ulong[size];
        else slots.AsSpan(0, size).Clear();
        mask = size - 1;
    }

    /// <summary>False if the hash is in the set already.</summary>
    public bool Add(ulong hash)
    {
        if (hash == 0) hash = 1;
        var slot = (int)hash & mask;
        while (slots[slot] != 0)
        {
            if (slots[slot] == hash) return false;
            slot = (slot + 1) & mask;
        }

        slots[slot] = hash;
        return true;
    }
}
