namespace Bam.Fuzz;

/// <summary>Random choices that follow from a kind and a seed number alone.</summary>
internal sealed class Dice(string kind, long seed)
{
    private RandomStream stream = new(seed, kind);

    /// <summary>Uniform on 0 … <paramref name="bound"/> - 1; 0 where there is nothing to choose from.</summary>
    public int Next(int bound) => bound <= 1 ? 0 : (int)stream.NextInt64(bound);

    public bool Chance(double probability) => stream.NextDouble() < probability;

    public T Of<T>(IReadOnlyList<T> items) => items[Next(items.Count)];

    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++) bytes[i] = (byte)Next(256);
        return bytes;
    }

    /// <summary>1, mostly: how many edits a mutant gets.</summary>
    public int Few()
    {
        var count = 1;
        while (count < 6 && Chance(0.35)) count++;
        return count;
    }
}
