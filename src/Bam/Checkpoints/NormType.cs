namespace Bam.Checkpoints;

/// <summary>The normalisation in front of each branch.</summary>
internal enum NormType
{
    /// <summary>Mean and variance, with a weight and no bias.</summary>
    LayerNorm,

    /// <summary>Root mean square, with a weight.</summary>
    RmsNorm,
}
