using System.Numerics;

namespace Bam.Evaluation.Tasks.Prompting;

/// <summary>
/// Python's <c>random.Random</c> with an integer seed (MT19937, Matsumoto and Nishimura 1998), so that few-shot examples are
/// those that lm-evaluation-harness draws.
/// </summary>
internal sealed class PythonRandom
{
    private const int Length = 624;
    private const int Shift = 397;

    private readonly uint[] state = new uint[Length];
    private int next = Length;

    /// <summary>Seeds the state from an array with the seed as its only entry, as Python does.</summary>
    public PythonRandom(uint seed)
    {
        Fill(19650218);
        var i = 1;
        for (var step = 0; step < Length; step++)
        {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1664525)) + seed;
            i = Next(i);
        }

        for (var step = 0; step < Length - 1; step++)
        {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1566083941)) - (uint)i;
            i = Next(i);
        }

        state[0] = 0x8000_0000;
    }

    /// <summary>A whole number of 32 bits.</summary>
    public uint NextUInt32()
    {
        if (next == Length) Twist();
        var value = state[next++];
        value ^= value >> 11;
        value ^= (value << 7) & 0x9D2C_5680;
        value ^= (value << 15) & 0xEFC6_0000;
        return value ^ (value >> 18);
    }

    /// <summary><paramref name="count"/> different indices below <paramref name="population"/>, as <c>sample</c> draws.</summary>
    public int[] Sample(int population, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, population);
        var chosen = new int[count];
        // Python draws from a list or remembers what it has drawn, whichever needs less memory.
        var setSize = 21L;
        if (count > 5) setSize += (long)Math.Pow(4, Math.Ceiling(Math.Log(count * 3, 4)));
        if (population <= setSize)
        {
            int[] pool = [.. Enumerable.Range(0, population)];
            for (var i = 0; i < count; i++)
            {
                var place = Below(population - i);
                chosen[i] = pool[place];
                pool[place] = pool[population - i - 1];
            }

            return chosen;
        }

        var drawn = new HashSet<int>();
        for (var i = 0; i < count; i++)
        {
            int index;
            do index = Below(population);
            while (!drawn.Add(index));
            chosen[i] = index;
        }

        return chosen;
    }

    // The first entry follows the last one.
    private int Next(int index)
    {
        if (index < Length - 1) return index + 1;
        state[0] = state[Length - 1];
        return 1;
    }

    private int Below(int limit)
    {
        var bits = 32 - BitOperations.LeadingZeroCount((uint)limit);
        uint value;
        do value = NextUInt32() >> (32 - bits);
        while (value >= limit);
        return (int)value;
    }

    private void Fill(uint seed)
    {
        state[0] = seed;
        for (var i = 1; i < Length; i++) state[i] = (1812433253 * (state[i - 1] ^ (state[i - 1] >> 30))) + (uint)i;
    }

    private void Twist()
    {
        for (var i = 0; i < Length; i++)
        {
            var bits = (state[i] & 0x8000_0000) | (state[(i + 1) % Length] & 0x7FFF_FFFF);
            state[i] = state[(i + Shift) % Length] ^ (bits >> 1) ^ ((bits & 1) == 0 ? 0 : 0x9908_B0DF);
        }

        next = 0;
    }
}
