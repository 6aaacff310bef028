using System.Runtime.CompilerServices;

namespace Bam.Tokenization.Pipeline;

/// <summary>One step of cutting a text into the pieces that byte-pair encoding never merges across.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Cuts every piece further.</summary>
    public abstract void Apply(ref PreTokenization state);
}

/// <summary>Several pre-tokenizers, one after the other.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    /// <inheritdoc/>
    public override void Apply(ref PreTokenization state)
    {
        foreach (var step in steps) step.Apply(ref state);
    }
}

/// <summary>A pre-tokenizer that treats each piece for itself and leaves the text as it is.</summary>
internal abstract class PieceSplitter : PreTokenizer
{
    /// <inheritdoc/>
    public sealed override void Apply(ref PreTokenization state)
    {
        var next = state.Next();
        foreach (var piece in state.Pieces.Items) Split(state.Text.Slice(piece.Start, piece.Length), piece.Start, next);
        state.Replace();
    }

    /// <summary>Cuts one piece.</summary>
    /// <param name="text">The piece's text.</param>
    /// <param name="offset">Where it stands; added to every position in <paramref name="output"/>.</param>
    /// <param name="output">Receives the parts, in order.</param>
    public abstract void Split(ReadOnlySpan<char> text, int offset, PieceList output);
}

/// <summary>A text on its way through the pre-tokenizers: what it is now, and the pieces it is cut into so far.</summary>
internal ref struct PreTokenization
{
    private PieceList spare;

    /// <summary>Starts with one piece, the whole text.</summary>
    /// <param name="text">A text without added tokens, normalised.</param>
    /// <param name="pieces">Receives the pieces; its former content is lost.</param>
    /// <param name="spare">Scratch.</param>
    /// <param name="continues">The text is the rest of a longer one, so that it gets no prefix space.</param>
    /// <param name="isFirst">No added token stands before the text.</param>
    public PreTokenization(ReadOnlySpan<char> text, PieceList pieces, PieceList spare, bool continues = false, bool isFirst = true)
    {
        Text = text;
        Pieces = pieces;
        Continues = continues;
        IsFirst = isFirst && !continues;
        this.spare = spare;
        pieces.Clear();
        pieces.Add(0, text.Length);
    }

    /// <summary>The text that the pieces refer to; a pre-tokenizer may replace it.</summary>
    public ReadOnlySpan<char> Text { readonly get; set; }

    /// <summary>The pieces, in order; they need not cover the text.</summary>
    public PieceList Pieces { get; private set; }

    /// <summary>The text is the rest of a longer one.</summary>
    public bool Continues { get; }

    /// <summary>The text is the beginning of all there is.</summary>
    public bool IsFirst { get; }

    /// <summary>An empty list for the next pieces, given to <see cref="Replace"/> when filled.</summary>
    public readonly PieceList Next()
    {
        spare.Clear();
        return spare;
    }

    /// <summary>Puts the list that <see cref="Next"/> gave in the place of <see cref="Pieces"/>.</summary>
    public void Replace() => (Pieces, spare) = (spare, Pieces);
}

/// <summary>A growable array of pieces that is reused between texts; empty pieces are never kept.</summary>
internal sealed class PieceList
{
    private Piece[] items = new Piece[256];

    /// <summary>How many pieces there are.</summary>
    public int Count { get; private set; }

    /// <summary>The pieces, in the order of the text.</summary>
    public ReadOnlySpan<Piece> Items => items.AsSpan(0, Count);

    /// <summary>Adds the stretch from <paramref name="start"/> to <paramref name="end"/>, unless it is empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int start, int end)
    {
        if (start == end) return;
        if (Count == items.Length) Array.Resize(ref items, items.Length * 2);
        items[Count++] = new Piece(start, end - start);
    }

    /// <summary>Forgets all pieces.</summary>
    public void Clear() => Count = 0;
}

/// <summary>A stretch of the text, in UTF-16 units.</summary>
internal readonly record struct Piece(int Start, int Length);
