using System.Buffers;
using System.Text;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Models;

/// <summary>
/// Byte-pair encoding over code points, as in SentencePiece: a code point without a token becomes the tokens of its UTF-8 bytes
/// (byte fallback) or the unknown token.
/// </summary>
internal sealed class CharacterBpe : BpeModel
{
    private const int MaxUtf8Length = 4;

    private readonly CharacterIds characterIds;
    private readonly int[] byteIds = new int[256]; // -1 without a token or byte fallback
    private readonly MergeJunctions? junctions; // null if words cannot be split

    public CharacterBpe(Vocabulary vocabulary, MergeList merges, int unknownId, bool byteFallback)
        : base(vocabulary, merges)
    {
        UnknownId = unknownId;
        ByteFallback = byteFallback;
        characterIds = new CharacterIds(vocabulary);
        for (var value = 0; value < byteIds.Length; value++)
            byteIds[value] = byteFallback ? vocabulary.IdOf(ByteToken.NameOf((byte)value)) : -1;

        // If byte or unknown tokens merge with neighbours, characters do not determine where merges are possible.
        foreach (var merge in merges.Items)
        {
            if (IsStandIn(merge.First) || IsStandIn(merge.Second)) return;
        }

        junctions = new MergeJunctions(vocabulary, merges);
    }

    /// <summary>Code points without a token become byte tokens.</summary>
    public bool ByteFallback { get; }

    public override void Encode(ReadOnlySpan<char> word, WordCache cache, List<int> ids)
    {
        if (IgnoreMerges && Vocabulary.IdOf(word) is var whole and >= 0)
        {
            ids.Add(whole);
            return;
        }

        // Without a pre-tokenizer a word is the whole text; splitting it is faster and makes the parts cacheable.
        var start = 0;
        if (junctions is not null)
        {
            Rune.DecodeFromUtf16(word, out var left, out var position);
            while (position < word.Length)
            {
                Rune.DecodeFromUtf16(word[position..], out var right, out var length);
                if (CanCut(left, right))
                {
                    EncodeCached(word[start..position], cache, ids);
                    start = position;
                }

                left = right;
                position += length;
            }
        }

        EncodeCached(word[start..], cache, ids);
    }

    protected override void EncodeAnew(ReadOnlySpan<char> word, List<int> ids)
    {
        const int OnStack = 256;
        var size = 3 * word.Length; // at most three bytes per UTF-16 unit
        var rented = size > OnStack ? ArrayPool<int>.Shared.Rent(2 * size) : null;
        Span<int> symbols = rented ?? stackalloc int[2 * OnStack];
        var count = SymbolsOf(word, symbols);
        count = Merges.Apply(symbols[..count], symbols[count..]);
        ids.AddRange(symbols[..count]);
        if (rented is not null) ArrayPool<int>.Shared.Return(rented);
    }

    private bool IsStandIn(int id) => id == UnknownId || Array.IndexOf(byteIds, id) >= 0;

    // Two code points without a token stay together: they may become one unknown token.
    private bool CanCut(Rune left, Rune right) =>
        !junctions!.Contains(left, right) && (characterIds[left] >= 0 || characterIds[right] >= 0);

    private int SymbolsOf(ReadOnlySpan<char> word, Span<int> symbols)
    {
        var count = 0;
        // As in Hugging Face's tokenizers, the unknown token is emitted before the next code point with a token, after any byte
        // tokens in between.
        var unknownWaits = false;
        foreach (var rune in word.EnumerateRunes())
        {
            var id = characterIds[rune];
            if (id < 0 && TryBytes(rune, symbols[count..], out var length))
            {
                count += length;
                continue;
            }

            if (unknownWaits && (id >= 0 || !FuseUnknown)) symbols[count++] = UnknownId;
            if (id >= 0) symbols[count++] = id;
            unknownWaits = id < 0 && UnknownId >= 0;
        }

        if (unknownWaits) symbols[count++] = UnknownId;
        return count;
    }

    private bool TryBytes(Rune rune, Span<int> symbols, out int length)
    {
        Span<byte> bytes = stackalloc byte[MaxUtf8Length];
        length = rune.EncodeToUtf8(bytes);
        for (var i = 0; i < length; i++)
        {
            if (byteIds[bytes[i]] < 0) return false;
            symbols[i] = byteIds[bytes[i]];
        }

        return true;
    }
}

/// <summary>The ids of tokens of one code point.</summary>
internal sealed class CharacterIds
{
    private readonly int[] basic = new int[char.MaxValue + 1];
    private readonly Dictionary<int, int> beyond = [];

    public CharacterIds(Vocabulary vocabulary)
    {
        Array.Fill(basic, -1);
        foreach (var (token, id) in vocabulary.Tokens)
        {
            if (token.Length > 2 || Rune.DecodeFromUtf16(token, out var rune, out var length) != OperationStatus.Done) continue;
            if (length != token.Length) continue;
            if (rune.IsBmp) basic[rune.Value] = id;
            else beyond[rune.Value] = id;
        }
    }

    /// <summary>The id of a code point, or -1.</summary>
    public int this[Rune rune] => rune.IsBmp ? basic[rune.Value] : beyond.GetValueOrDefault(rune.Value, -1);
}

/// <summary>
/// The pairs of code points that a merge can join: the last of its left part and the first of its right part. Words can be split
/// between any other pair without changing the ids.
/// </summary>
internal sealed class MergeJunctions
{
    private readonly PairTable pairs = new(1024);

    public MergeJunctions(Vocabulary vocabulary, MergeList merges)
    {
        var tokens = new string[vocabulary.MaxId + 1];
        foreach (var (token, id) in vocabulary.Tokens) tokens[id] = token;
        foreach (var merge in merges.Items)
        {
            Rune.DecodeLastFromUtf16(tokens[merge.First], out var left, out _);
            Rune.DecodeFromUtf16(tokens[merge.Second], out var right, out _);
            pairs[left.Value, right.Value] = 1;
        }
    }

    /// <summary>True if a merge can join the two.</summary>
    public bool Contains(Rune left, Rune right) => pairs[left.Value, right.Value] >= 0;
}
