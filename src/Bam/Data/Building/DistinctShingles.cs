using System.Numerics;
using System.Security.Cryptography;

namespace Bam.Data.Building;

/// <summary>Counts the distinct shingles of one text after another, in a table by open addressing.</summary>
/// <remarks>
/// A long text is hashed several times, and each time a part of the hashes is counted: one table for all would be slower, because
/// it exceeds the processor's cache. The parts are about equal; they have a random seed per process, against crafted text.
/// </remarks>
internal sealed class DistinctShingles
{
    private const int CharactersPerPass = 1 << 17;
    private const int MaxPasses = 8;

    private static readonly ulong Seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;

    private ulong[] slots = []; // 0 is empty
    private int mask;

    public int Count(ReadOnlySpan<char> text)
    {
        var passes = Math.Clamp(text.Length / CharactersPerPass, 1, MaxPasses);
        var count = 0;
        for (var pass = 0; pass < passes; pass++)
        {
            Clear(text.Length / passes);
            foreach (var block in new Shingles(text))
            {
                foreach (var hash in block)
                {
                    if (PartOf(hash, passes) == pass && Add(hash)) count++;
                }
            }
        }

        return count;
    }

    private static int PartOf(ulong hash, int parts) => (int)(((hash * Seed >> 32) * (ulong)parts) >> 32);

    private void Clear(int capacity)
    {
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)((capacity * 3L / 2) + 1));
        if (slots.Length < size) slots = new ulong[size];
        else slots.AsSpan(0, size).Clear();
        mask = size - 1;
    }

    /// <summary>False if the hash is in the table already; 0 counts as 1.</summary>
    private bool Add(ulong hash)
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
