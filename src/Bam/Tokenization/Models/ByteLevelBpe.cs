using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Bam.Tokenization.Models;

/// <summary>Byte-pair encoding over the bytes of a word.</summary>
internal sealed class ByteLevelBpe
{
    private readonly int[] byteIds = new int[256]; // -1: the vocabulary has no token for the byte

    /// <summary>Assembles the model.</summary>
    /// <param name="vocabulary">Every merge's parts and result are in it.</param>
    /// <param name="merges">In order of rank.</param>
    public ByteLevelBpe(Vocabulary vocabulary, MergeList merges)
    {
        Vocabulary = vocabulary;
        Merges = merges;
        for (var value = 0; value < byteIds.Length; value++)
            byteIds[value] = vocabulary.IdOf([ByteAlphabet.LetterOf((byte)value)]);
    }

    /// <summary>Tokens and ids.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>What is merged, and in which order.</summary>
    public MergeList Merges { get; }

    /// <summary>Stands for bytes without a token; -1 when there is none.</summary>
    public int UnknownId { get; init; } = -1;

    /// <summary>Neighbouring unknown bytes become one id.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>A word that is a token as a whole becomes it, whatever the merges say.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Appends the ids of one word.</summary>
    /// <param name="word">UTF-16; an unpaired surrogate counts as U+FFFD.</param>
    /// <param name="cache">The calling thread's cache.</param>
    /// <param name="ids">Receives the ids.</param>
    public void Encode(ReadOnlySpan<char> word, WordCache cache, List<int> ids)
    {
        if (word.Length > WordCache.MaxWordLength)
        {
            EncodeAnew(word, ids);
            return;
        }

        if (!cache.TryGet(word, out var found, out var hash))
        {
            var start = ids.Count;
            EncodeAnew(word, ids);
            cache.Add(word, hash, CollectionsMarshal.AsSpan(ids)[start..]);
            return;
        }

        ids.AddRange(found);
    }

    private void EncodeAnew(ReadOnlySpan<char> word, List<int> ids)
    {
        const int OnStack = 256;
        var size = Encoding.UTF8.GetMaxByteCount(word.Length);
        var rentedBytes = size > OnStack ? ArrayPool<byte>.Shared.Rent(size) : null;
        var rentedSymbols = size > OnStack ? ArrayPool<int>.Shared.Rent(2 * size) : null;
        Span<byte> bytes = rentedBytes ?? stackalloc byte[OnStack];
        Span<int> symbols = rentedSymbols ?? stackalloc int[2 * OnStack];
        bytes = bytes[..Encoding.UTF8.GetBytes(word, bytes)];
        if (!IgnoreMerges || !TryWholeWord(bytes, ids))
        {
            var count = SymbolsOf(bytes, symbols);
            count = Merges.Apply(symbols[..count], symbols[count..]);
            ids.AddRange(symbols[..count]);
        }

        if (rentedBytes is not null) ArrayPool<byte>.Shared.Return(rentedBytes);
        if (rentedSymbols is not null) ArrayPool<int>.Shared.Return(rentedSymbols);
    }

    private bool TryWholeWord(ReadOnlySpan<byte> bytes, List<int> ids)
    {
        var token = string.Create(bytes.Length, bytes, (letters, word) =>
        {
            for (var i = 0; i < word.Length; i++) letters[i] = ByteAlphabet.LetterOf(word[i]);
        });
        var id = Vocabulary.IdOf(token);
        if (id >= 0) ids.Add(id);
        return id >= 0;
    }

    private int SymbolsOf(ReadOnlySpan<byte> bytes, Span<int> symbols)
    {
        var count = 0;
        var afterUnknown = false;
        foreach (var value in bytes)
        {
            var id = byteIds[value];
            if (id >= 0)
                symbols[count++] = id;
            else if (UnknownId >= 0 && !(afterUnknown && FuseUnknown))
                symbols[count++] = UnknownId;
            afterUnknown = id < 0;
        }

        return count;
    }
}
