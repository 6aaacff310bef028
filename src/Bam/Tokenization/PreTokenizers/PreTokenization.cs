namespace Bam.Tokenization.PreTokenizers;

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
