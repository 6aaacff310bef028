namespace Bam.Models.Costs;

/// <summary>What a figure of the paper counts.</summary>
internal enum PaperQuantity
{
    /// <summary>All parameters (Tables 8 and 9).</summary>
    Parameters,

    /// <summary>Parameters that one token meets (Table 9).</summary>
    ActiveParameters,

    /// <summary>FLOPs of a token and layer in attention without its router, n_ctx = 256 (Table 7).</summary>
    AttentionFlops,

    /// <summary>FLOPs of a token and layer, n_ctx = 256 (Tables 7 and 10).</summary>
    LayerFlops,
}
