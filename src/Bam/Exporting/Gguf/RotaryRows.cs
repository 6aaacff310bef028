namespace Bam.Exporting.Gguf;

/// <summary>
/// The order of a projection's rows where rotary pairs are neighbours (2i, 2i + 1), made from one where they are halves
/// (i, i + head_dim/2). llama.cpp rotates neighbours in its "llama" architecture; queries and keys change alike, so that their
/// products stay.
/// </summary>
internal static class RotaryRows
{
    /// <summary>The row, among halves, that stands at a row among neighbours.</summary>
    /// <param name="row">The row among neighbours, over all heads.</param>
    /// <param name="headDim">Rows of a head; even.</param>
    public static long SourceOf(long row, int headDim)
    {
        var (head, inHead) = Math.DivRem(row, headDim);
        var (pair, half) = Math.DivRem(inHead, 2);
        return (head * headDim) + (half * (headDim / 2)) + pair;
    }
}
