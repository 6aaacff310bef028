using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Bam.Data.Building;

/// <summary>
/// The hashes of all substrings of 50 characters (UTF-16 units) of a text, in order and in blocks. Runs of white space count as
/// one space, so that rewrapped text is equal. A shorter text is one shingle. A rolling polynomial hash modulo 2⁶⁴, then mixed.
/// </summary>
internal ref struct Shingles
{
    public const int Length = 50;

    /// <summary>The most hashes of a block.</summary>
    public const int BlockLength = 512;

    private const int WindowLength = Length + BlockLength;
    private const ulong Base = 0x9E3779B97F4A7C15;

    private static readonly ulong Leaving = Power(Length);
    private static readonly Vector256<ulong> Powers = Vector256.Create(Power(1), Power(2), Power(3), Power(4));

    private readonly ReadOnlySpan<char> text;
    private readonly char[] window = ArrayPool<char>.Shared.Rent(WindowLength); // the last shingle, then characters that follow
    private readonly ulong[] hashes = ArrayPool<ulong>.Shared.Rent(BlockLength);
    private int position; // in the text
    private int filled; // of the window
    private int count; // of the block
    private ulong polynomial;

    public Shingles(ReadOnlySpan<char> text) => this.text = text.Trim();

    /// <summary>The current block of hashes.</summary>
    public readonly ReadOnlySpan<ulong> Current => hashes.AsSpan(0, count);

    public readonly Shingles GetEnumerator() => this;

    public readonly void Dispose()
    {
        ArrayPool<char>.Shared.Return(window);
        ArrayPool<ulong>.Shared.Return(hashes);
    }

    public bool MoveNext()
    {
        if (filled == 0) return MoveToFirst();
        if (filled < Length) return false;
        window.AsSpan(filled - Length, Length).CopyTo(window);
        filled = Length;
        Fill(WindowLength);
        count = filled - Length;
        polynomial = Roll(polynomial, window.AsSpan(0, count), window.AsSpan(Length, count), hashes);
        return count > 0;
    }

    /// <summary>All hashes of a text.</summary>
    public static List<ulong> All(ReadOnlySpan<char> text)
    {
        var hashes = new List<ulong>(text.Length);
        foreach (var block in new Shingles(text)) hashes.AddRange(block);
        return hashes;
    }

    private bool MoveToFirst()
    {
        Fill(Length);
        if (filled == 0) return false;
        foreach (var character in window.AsSpan(0, filled)) polynomial = (polynomial * Base) + character + 1u;
        (hashes[0], count) = (Mix(Vector256.CreateScalar(polynomial)).ToScalar(), 1);
        return true;
    }

    /// <summary>Takes characters up to an end of the window; a run of white space gives one space.</summary>
    private void Fill(int end)
    {
        var source = text[position..];
        var target = window.AsSpan(filled, end - filled);
        var afterSpace = filled > 0 && window[filled - 1] == ' ';
        var (from, to) = (0, 0);
        while (to < target.Length && from < source.Length)
        {
            if (Math.Min(target.Length - to, source.Length - from) >= Vector256<ushort>.Count)
            {
                var characters = Vector256.Create(MemoryMarshal.Cast<char, ushort>(source[from..]));
                characters.CopyTo(MemoryMarshal.Cast<char, ushort>(target[to..]));
                var unchanged = CountUnchanged(characters, afterSpace);
                (from, to) = (from + unchanged, to + unchanged);
                if (unchanged > 0) afterSpace = target[to - 1] == ' ';
                if (unchanged == Vector256<ushort>.Count) continue;
            }

            var character = source[from++];
            var isSpace = char.IsWhiteSpace(character);
            if (!(isSpace && afterSpace)) target[to++] = isSpace ? ' ' : character;
            afterSpace = isSpace;
        }

        (position, filled) = (position + from, filled + to);
    }

    /// <summary>How many of the first characters are certainly no white space but single spaces.</summary>
    private static int CountUnchanged(Vector256<ushort> characters, bool afterSpace)
    {
        var spaces = Vector256.Equals(characters, Vector256.Create<ushort>(' ')).ExtractMostSignificantBits();
        var others = IsBetween(characters, 0, 0x1F) | IsBetween(characters, 0x80, 0xA0) | IsBetween(characters, 0x1680, 0x3000);
        var changed = (spaces & ((spaces << 1) | (afterSpace ? 1u : 0))) | others.ExtractMostSignificantBits();
        return Math.Min(BitOperations.TrailingZeroCount(changed), Vector256<ushort>.Count);
    }

    private static Vector256<ushort> IsBetween(Vector256<ushort> characters, ushort first, ushort last) =>
        Vector256.LessThanOrEqual(characters - Vector256.Create(first), Vector256.Create((ushort)(last - first)));

    /// <summary>The mixed hashes of the shingles that follow one, each without one character and with another.</summary>
    /// <returns>The last one's polynomial.</returns>
    private static ulong Roll(ulong hash, ReadOnlySpan<char> without, ReadOnlySpan<char> with, Span<ulong> mixed)
    {
        var i = 0;
        for (; i + Vector256<ulong>.Count <= with.Length; i += Vector256<ulong>.Count)
        {
            var sum = Numbers(with[i..]) - (Vector256.Create(Leaving) * Numbers(without[i..]));
            // Each has one power of the base more than the one after it: prefix sums in two steps.
            sum += Vector256.Create(Base) * Vector256.Shuffle(sum, Vector256.Create(4UL, 0, 1, 2));
            sum += Vector256.Create(unchecked(Base * Base)) * Vector256.Shuffle(sum, Vector256.Create(4UL, 4, 0, 1));
            Mix(sum + (Vector256.Create(hash) * Powers)).CopyTo(mixed[i..]);
            hash = (hash * Powers[3]) + sum[3];
        }

        for (; i < with.Length; i++)
        {
            hash = (hash * Base) + (with[i] + 1u - (Leaving * (without[i] + 1u)));
            mixed[i] = Mix(Vector256.CreateScalar(hash)).ToScalar();
        }

        return hash;
    }

    /// <summary>The first four characters as factors of the polynomial, which are not 0.</summary>
    private static Vector256<ulong> Numbers(ReadOnlySpan<char> characters)
    {
        var units = Vector128.CreateScalar(MemoryMarshal.Read<ulong>(MemoryMarshal.AsBytes(characters)));
        var (lower, upper) = Vector128.Widen(Vector128.WidenLower(units.AsUInt16()));
        return Vector256.Create(lower, upper) + Vector256<ulong>.One;
    }

    private static ulong Power(int exponent)
    {
        var power = 1UL;
        for (var i = 0; i < exponent; i++) power *= Base;
        return power;
    }

    /// <summary>SplitMix64's finalizer: the low bits of the polynomial depend on few characters.</summary>
    private static Vector256<ulong> Mix(Vector256<ulong> z)
    {
        z = (z ^ (z >> 30)) * Vector256.Create(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * Vector256.Create(0x94D049BB133111EB);
        return z ^ (z >> 31);
    }
}
