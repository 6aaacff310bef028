using System.Runtime.CompilerServices;

namespace Bam.Tokenization.Models;

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
