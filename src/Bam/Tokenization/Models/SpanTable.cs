using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Bam.Tokenization.Models;

/// <summary>
/// Numbers distinct words 0, 1, 2 … in order of insertion without an object per word. The hash has a random seed per process,
/// against crafted collisions; the numbering does not depend on it.
/// </summary>
/// <param name="maxLetters">Limit for the UTF-16 units of all words; null for the maximum array length.</param>
internal sealed class SpanTable(int? maxLetters = null)
{
    private const int MaxWords = 1 << 29; // there are twice as many slots

    private static readonly ulong Seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    private Entry[] entries = new Entry[256];
    private int[] slots = new int[512]; // index of an entry + 1; 0 is empty
    private char[] letters = new char[2048];
    private int lettersUsed;

    public int Count { get; private set; }

    public ReadOnlySpan<char> this[int index] => letters.AsSpan(entries[index].Start, entries[index].Length);

    /// <summary>The number of a word, or -1. Pass the hash to <see cref="Add"/>.</summary>
    public int Find(ReadOnlySpan<char> word, out uint hash)
    {
        hash = Hash(word);
        for (var slot = hash & (uint)(slots.Length - 1); slots[slot] != 0; slot = (slot + 1) & (uint)(slots.Length - 1))
        {
            ref var entry = ref entries[slots[slot] - 1];
            if (entry.Hash == hash && letters.AsSpan(entry.Start, entry.Length).SequenceEqual(word)) return slots[slot] - 1;
        }

        return -1;
    }

    /// <summary>Adds a word that <see cref="Find"/> did not find.</summary>
    /// <returns>Its number.</returns>
    /// <exception cref="InvalidInputException">The limit is exceeded.</exception>
    public int Add(ReadOnlySpan<char> word, uint hash)
    {
        if (Count == entries.Length) Grow();
        if (word.Length > letters.Length - lettersUsed) GrowLetters((long)lettersUsed + word.Length);
        word.CopyTo(letters.AsSpan(lettersUsed));
        entries[Count] = new Entry(hash, lettersUsed, word.Length);
        lettersUsed += word.Length;
        Place(Count, hash);
        return Count++;
    }

    /// <summary>The number of a word, which is added if it is new.</summary>
    /// <exception cref="InvalidInputException">The limit is exceeded.</exception>
    public int FindOrAdd(ReadOnlySpan<char> word) => Find(word, out var hash) is var found and >= 0 ? found : Add(word, hash);

    public void Clear()
    {
        Count = 0;
        lettersUsed = 0;
        slots.AsSpan().Clear();
    }

    /// <summary>The error for a corpus with too many distinct words.</summary>
    public static InvalidInputException TooMany(int most, string what) =>
        new("the tokenizer's corpus", $"at most {most:N0} {what}", "more", "train on a sample");

    // FxHash over four UTF-16 units at a time.
    private static uint Hash(ReadOnlySpan<char> word)
    {
        const ulong Multiplier = 0x517CC1B727220A95;
        var hash = Seed ^ (ulong)word.Length;
        var blocks = MemoryMarshal.Cast<char, ulong>(word);
        foreach (var block in blocks) hash = (BitOperations.RotateLeft(hash, 5) ^ block) * Multiplier;
        foreach (var letter in word[(blocks.Length * 4)..]) hash = (BitOperations.RotateLeft(hash, 5) ^ letter) * Multiplier;
        return (uint)(hash >> 32);
    }

    private void GrowLetters(long needed)
    {
        var most = maxLetters ?? Array.MaxLength;
        if (needed > most) throw TooMany(most, "characters of distinct words");
        Array.Resize(ref letters, (int)Math.Min(Math.Max(2L * letters.Length, needed), most));
    }

    private void Grow()
    {
        if (Count == MaxWords) throw TooMany(MaxWords, "distinct words");
        Array.Resize(ref entries, entries.Length * 2);
        slots = new int[slots.Length * 2];
        for (var i = 0; i < Count; i++) Place(i, entries[i].Hash);
    }

    private void Place(int index, uint hash)
    {
        var slot = hash & (uint)(slots.Length - 1);
        while (slots[slot] != 0) slot = (slot + 1) & (uint)(slots.Length - 1);
        slots[slot] = index + 1;
    }

    private readonly record struct Entry(uint Hash, int Start, int Length);
}
