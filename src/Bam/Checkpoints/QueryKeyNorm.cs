namespace Bam.Checkpoints;

/// <summary>Whether queries and keys are normed before they are turned, by the model's kind of norm over the width of a head.</summary>
internal enum QueryKeyNorm
{
    /// <summary>No.</summary>
    None,

    /// <summary>Yes, with one weight [head_dim] for all heads (Qwen3).</summary>
    Shared,

    /// <summary>Yes, with a weight [heads, head_dim] (Cohere).</summary>
    PerHead,
}
