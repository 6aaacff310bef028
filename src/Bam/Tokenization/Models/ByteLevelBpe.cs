using System.Buffers;
using System.Text;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Models;

/// <summary>Byte-pair encoding over the bytes of a word.</summary>
internal sealed class ByteLevelBpe : BpeModel
{
    private readonly int[] byteIds = new int[256]; // -1 without a token

    public ByteLevelBpe(Vocabulary vocabulary, MergeList merges)
        : base(vocabulary, merges)
    {
        for (var value = 0; value < byteIds.Length; value++)
            byteIds[value] = vocabulary.IdOf([ByteAlphabet.LetterOf((byte)value)]);
    }

    public override void Encode(ReadOnlySpan<char> word, WordCache cache, List<int> ids) => EncodeCached(word, cache, ids);

    protected override void EncodeAnew(ReadOnlySpan<char> word, List<int> ids)
    {
        const int OnStack = 256;
        var size = Encoding.UTF8.GetMaxByteCount(word.Length);
        if (size > OnStack) size = Encoding.UTF8.GetByteCount(word);
        var rentedBytes = size > OnStack ? ArrayPool<byte>.Shared.Rent(size) : null;
        var rentedSymbols = size > OnStack ? ArrayPool<int>.Shared.Rent(size + MergeList.MaxShiftLength) : null;
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
