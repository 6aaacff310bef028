namespace Bam.Checkpoints;

/// <summary>What a parameter does in the model; a bias is of the kind of what it is added to.</summary>
internal enum ParameterKind
{
    /// <summary>Token embeddings [V, d].</summary>
    Embedding,

    /// <summary>A norm's weight [d].</summary>
    Norm,

    /// <summary>Attention router [N, d].</summary>
    AttentionRouter,

    /// <summary>Query projection [H·head_dim, d].</summary>
    Query,

    /// <summary>Key projection [G·head_dim, d].</summary>
    Key,

    /// <summary>Value projection [G·head_dim, d].</summary>
    Value,

    /// <summary>Norm of the queries, [head_dim] or [H, head_dim].</summary>
    QueryNorm,

    /// <summary>Norm of the keys, [head_dim] or [G, head_dim].</summary>
    KeyNorm,

    /// <summary>Attention's output projection [d, H·head_dim].</summary>
    Output,

    /// <summary>Feed-forward router [M, d].</summary>
    FeedForwardRouter,

    /// <summary>Gate projection [f, d].</summary>
    Gate,

    /// <summary>Up projection [f, d].</summary>
    Up,

    /// <summary>Down projection [d, f].</summary>
    Down,

    /// <summary>The output head [V, d] of a model that does not tie it to the embeddings.</summary>
    Head,
}
