namespace Bam.Data.Building;

/// <summary>
/// The hashes of all substrings of 50 characters (UTF-16 units) of a text, in order. Runs of white space count as one space, so
/// that rewrapped text is equal. A shorter text is one shingle. A rolling polynomial hash modulo 2⁶⁴, then mixed.
/// </summary>
internal ref struct Shingles(string text)
{
    public const int Length = 50;

    private const ulong Base = 0x9E3779B97F4A7C15;

    private static readonly ulong Leaving = Power(Base, Length);

    private readonly char[] window = new char[Length];
    private int position;
    private long taken;
    private ulong polynomial;

    /// <summary>The hash of the current shingle.</summary>
    public readonly ulong Current => Mix(polynomial);

    public readonly Shingles GetEnumerator() => this;

    public bool MoveNext()
    {
        while (TryTake(out var character))
        {
            var slot = (int)(taken++ % Length);
            polynomial = (polynomial * Base) + character + 1u;
            if (taken > Length) polynomial -= Leaving * (window[slot] + 1u);
            window[slot] = character;
            if (taken >= Length) return true;
        }

        if (taken is 0 or >= Length) return false;
        taken = Length;
        return true;
    }

    /// <summary>The distinct hashes in ascending order.</summary>
    public static ulong[] Distinct(string text)
    {
        var hashes = new List<ulong>(text.Length);
        foreach (var hash in new Shingles(text)) hashes.Add(hash);
        hashes.Sort();
        var distinct = 0;
        for (var i = 0; i < hashes.Count; i++)
        {
            if (i == 0 || hashes[i] != hashes[i - 1]) hashes[distinct++] = hashes[i];
        }

        return [.. hashes.GetRange(0, distinct)];
    }

    /// <summary>The next character; a run of white space gives one space, at either end of the text none.</summary>
    private bool TryTake(out char character)
    {
        character = ' ';
        if (position == text.Length) return false;
        var start = position;
        while (position < text.Length && char.IsWhiteSpace(text[position])) position++;
        if (position == text.Length) return false;
        if (position > start && start > 0) return true;
        character = text[position++];
        return true;
    }

    private static ulong Power(ulong number, int exponent)
    {
        var power = 1UL;
        for (var i = 0; i < exponent; i++) power *= number;
        return power;
    }

    /// <summary>SplitMix64's finalizer: the low bits of the polynomial depend on few characters.</summary>
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
