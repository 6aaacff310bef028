namespace Bam.Checkpoints;

/// <summary>How attention experts are chosen for a token.</summary>
internal enum AttentionRouting
{
    /// <summary>Every token goes to every expert, weighted by the softmax over experts (BAM, section 3).</summary>
    Soft,

    /// <summary>Only the experts with the k largest gates; the gates are not renormalised (BAM, Table 6).</summary>
    TopK,
}
