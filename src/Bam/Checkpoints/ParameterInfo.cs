namespace Bam.Checkpoints;

/// <summary>One parameter of the checkpoint format.</summary>
/// <param name="Name">Its tensor's name.</param>
/// <param name="Shape">Its shape, [rows, columns] or [d].</param>
/// <param name="Kind">What it does.</param>
/// <param name="Layer">Its block from 0, or -1 outside the blocks.</param>
/// <param name="Expert">Its expert from 0, or -1 where all tokens share it.</param>
internal sealed record ParameterInfo(string Name, long[] Shape, ParameterKind Kind, int Layer = -1, int Expert = -1)
{
    /// <summary>True for what is added, not multiplied.</summary>
    public bool IsBias => Name.EndsWith(".bias", StringComparison.Ordinal);

    /// <summary>True for the weights and biases of norms.</summary>
    public bool IsNorm => Kind is ParameterKind.Norm or ParameterKind.QueryNorm or ParameterKind.KeyNorm;

    /// <summary>True for the matrices that choose among experts.</summary>
    public bool IsRouter => Kind is ParameterKind.AttentionRouter or ParameterKind.FeedForwardRouter;

    /// <summary>How many numbers it holds.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);
}
