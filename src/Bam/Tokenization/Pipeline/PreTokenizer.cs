using System.Runtime.CompilerServices;

namespace Bam.Tokenization.Pipeline;

/// <summary>One step of splitting text into pieces; byte-pair encoding does not merge across pieces.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Splits every piece further.</summary>
    public abstract void Apply(ref PreTokenization state);
}

internal sealed class PreTokenizerSequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override void Apply(ref PreTokenization state)
    {
        foreach (var step in steps) step.Apply(ref state);
    }
}

/// <summary>A pre-tokenizer that splits each piece independently without changing the text.</summary>
internal abstract class PieceSplitter : PreTokenizer
{
    public sealed override void Apply(ref PreTokenization state)
    {
        var next = state.Next();
        foreach (var piece in state.Pieces.Items) Split(state.Text.Slice(piece.Start, piece.Length), piece.Start, next);
        state.Replace();
    }

    /// <summary>
    /// Splits one piece. <paramref name="offset"/> is its position, which is added to all positions in <paramref name="output"/>.
    /// </summary>
    public abstract void Split(ReadOnlySpan<char> text, int offset, PieceList output);
}

/// <summary>The state of pre-tokenization: the current text and its pieces.</summary>
internal ref struct PreTokenization
{
    private PieceList spare;

    /// <summary>
    /// Starts with one piece, the whole normalized text without added tokens. A text that <paramref name="continues"/> another
    /// one gets no prefix space; <paramref name="isFirst"/> is false after an added token.
    /// </summary>
    public PreTokenization(
        ReadOnlySpan<char> text, PieceList pieces, PieceList spare, bool continues = false, bool isFirst = true)
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

    /// <summary>The pieces in order; they need not cover the text.</summary>
    public PieceList Pieces { get; private set; }

    /// <summary>True if the text continues another one.</summary>
    public bool Continues { get; }

    /// <summary>True if the text is the start of the input.</summary>
    public bool IsFirst { get; }

    /// <summary>An empty list for the next pieces; see <see cref="Replace"/>.</summary>
    public readonly PieceList Next()
    {
        spare.Clear();
        return spare;
    }

    /// <summary>Replaces <see cref="Pieces"/> by the list returned by <see cref="Next"/>.</summary>
    public void Replace() => (Pieces, spare) = (spare, Pieces);
}

/// <summary>A reusable list of non-empty pieces.</summary>
internal sealed class PieceList
{
    private Piece[] items = new Piece[256];

    public int Count { get; private set; }

    /// <summary>The pieces in the order of the text.</summary>
    public ReadOnlySpan<Piece> Items => items.AsSpan(0, Count);

    /// <summary>Adds the range from <paramref name="start"/> to <paramref name="end"/> unless it is empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int start, int end)
    {
        if (start == end) return;
        if (Count == items.Length) Array.Resize(ref items, items.Length * 2);
        items[Count++] = new Piece(start, end - start);
    }

    public void Clear() => Count = 0;
}

/// <summary>A range of the text in UTF-16 units.</summary>
internal readonly record struct Piece(int Start, int Length);
