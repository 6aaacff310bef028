using System.Buffers;
using System.Text;

namespace Bam.Tokenization.Models;

/// <summary>Byte-pair encoding over the bytes of a word.</summary>
internal sealed class ByteLevelBpe
{
    private readonly Vocabulary vocabulary;
    private readonly MergeList merges;
    private readonly bool ignoreMerges;
    private readonly bool fuseUnknown;
    private readonly int unknownId;
    private readonly int[] byteIds = new int[256]; // -1: the vocabulary has no token for the byte

    /// <summary>Assembles the model.</summary>
    /// <param name="vocabulary">Every merge's parts and result are in it.</param>
    /// <param name="merges">In order of rank.</param>
    /// <param name="ignoreMerges">A word that is a token as a whole becomes it, whatever the merges say.</param>
    /// <param name="unknownId">Stands for bytes without a token; -1 when there is none.</param>
    /// <param name="fuseUnknown">Neighbouring unknown bytes become one id.</param>
    public ByteLevelBpe(Vocabulary vocabulary, MergeList merges, bool ignoreMerges, int unknownId, bool fuseUnknown)
    {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.ignoreMerges = ignoreMerges;
        this.unknownId = unknownId;
        this.fuseUnknown = fuseUnknown;
        for (var value = 0; value < byteIds.Length; value++) byteIds[value] = vocabulary.IdOf([ByteAlphabet.LetterOf((byte)value)]);
    }

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
            cache.Add(word, hash, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids)[start..]);
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
        if (!ignoreMerges || !TryWholeWord(bytes, ids))
        {
            var count = SymbolsOf(bytes, symbols);
            count = merges.Apply(symbols[..count], symbols[count..]);
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
        var id = vocabulary.IdOf(token);
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
            else if (unknownId >= 0 && !(afterUnknown && fuseUnknown))
                symbols[count++] = unknownId;
            afterUnknown = id < 0;
        }

        return count;
    }
}
