namespace Bam.Torch.Kernels;

/// <summary>
/// How the heads of causal attention lie in one fused projection [B, T, Width]: all query heads, then all key heads, then all
/// value heads. Query heads come in groups ("experts") of <paramref name="HeadsPerExpert"/>, each group scaled by its own gate.
/// </summary>
/// <param name="BatchSize">B.</param>
/// <param name="Length">T, positions.</param>
/// <param name="QueryHeads">N·H, all experts together.</param>
/// <param name="KeyValueHeads">N·G, or G when the experts share keys and values.</param>
/// <param name="HeadsPerExpert">H.</param>
/// <param name="KeyValueHeadsPerExpert">G.</param>
/// <param name="HeadDim">The width of one head.</param>
/// <param name="Window">W: a position looks at itself and the W - 1 before it (sliding window, Mistral 7B, arXiv 2310.06825).</param>
internal readonly record struct AttentionShape(
    int BatchSize, int Length, int QueryHeads, int KeyValueHeads, int HeadsPerExpert, int KeyValueHeadsPerExpert, int HeadDim,
    int Window = int.MaxValue)
{
    /// <summary>N.</summary>
    public int Experts => QueryHeads / HeadsPerExpert;

    /// <summary>The query heads that read one key-value head within one expert.</summary>
    public int HeadsPerKeyValueHead => HeadsPerExpert / KeyValueHeadsPerExpert;

    /// <summary>Columns of the fused projection.</summary>
    public int Width => (QueryHeads + 2 * KeyValueHeads) * HeadDim;

    /// <summary>The first position that a position looks at.</summary>
    public int FirstSeenFrom(int position) => Math.Max(0, position - Window + 1);

    /// <summary>The key-value head that a query head reads.</summary>
    public int KeyValueHeadOf(int queryHead) => queryHead / HeadsPerKeyValueHead % KeyValueHeads;
}
