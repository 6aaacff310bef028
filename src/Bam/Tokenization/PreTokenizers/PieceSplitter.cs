namespace Bam.Tokenization.PreTokenizers;

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
