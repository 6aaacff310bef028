namespace Bam.Data.Building;

/// <summary>
/// The hashes of all substrings of 50 characters (UTF-16 units) of a text, in order and in blocks. Runs of white space count as
/// one space, so that rewrapped text is equal. A shorter text is one shingle. A rolling polynomial hash modulo 2⁶⁴, then mixed.
/// </summary>
internal ref struct Shingles
{
    public const int Length = 50;

    private const ulong Base = 0x9E3779B97F4A7C15;
    private const int BlockLength = 512;

    private static readonly ulong Leaving = Power(Base, Length);

    private readonly ReadOnlySpan<char> text;
    private readonly char[] window = new char[Length + BlockLength]; // the last shingle, then the characters that follow
    private readonly ulong[] hashes = new ulong[BlockLength];
    private int position; // in the text
    private int filled; // of the window
    private int count; // of the block
    private ulong polynomial;

    public Shingles(ReadOnlySpan<char> text)
    {
        this.text = text;
        while (position < text.Length && char.IsWhiteSpace(text[position])) position++;
    }

    /// <summary>The current block of hashes.</summary>
    public readonly ReadOnlySpan<ulong> Current => hashes.AsSpan(0, count);

    public readonly Shingles GetEnumerator() => this;

    public bool MoveNext()
    {
        if (filled == 0) return MoveToFirst();
        if (filled < Length) return false;
        window.AsSpan(filled - Length, Length).CopyTo(window);
        filled = Length;
        Fill(window.Length);
        count = filled - Length;
        var (hash, leaving) = (polynomial, Leaving);
        var old = window.AsSpan(0, count);
        var next = window.AsSpan(Length, count);
        var block = hashes.AsSpan(0, count);
        for (var i = 0; i < block.Length; i++)
        {
            hash = (hash * Base) + (next[i] + 1u - (leaving * (old[i] + 1u)));
            block[i] = Mix(hash);
        }

        polynomial = hash;
        return count > 0;
    }

    /// <summary>The distinct hashes in ascending order.</summary>
    public static ulong[] Distinct(string text)
    {
        var hashes = new List<ulong>(text.Length);
        foreach (var block in new Shingles(text)) hashes.AddRange(block);
        hashes.Sort();
        var distinct = 0;
        for (var i = 0; i < hashes.Count; i++)
        {
            if (i == 0 || hashes[i] != hashes[i - 1]) hashes[distinct++] = hashes[i];
        }

        return [.. hashes.GetRange(0, distinct)];
    }

    private bool MoveToFirst()
    {
        Fill(Length);
        if (filled == 0) return false;
        foreach (var character in window.AsSpan(0, filled)) polynomial = (polynomial * Base) + character + 1u;
        (hashes[0], count) = (Mix(polynomial), 1);
        return true;
    }

    /// <summary>
    /// Takes characters up to an end of the window; a run of white space gives one space, at the end of the text none.
    /// </summary>
    private void Fill(int end)
    {
        var source = text;
        var target = window.AsSpan(0, end);
        var (from, to) = (position, filled);
        while (to < target.Length && from < source.Length)
        {
            var character = source[from++];
            if (char.IsWhiteSpace(character))
            {
                while (from < source.Length && char.IsWhiteSpace(source[from])) from++;
                if (from == source.Length) break;
                character = ' ';
            }

            target[to++] = character;
        }

        (position, filled) = (from, to);
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
