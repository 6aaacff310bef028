using Bam.Checkpoints;

namespace Bam.Exporting;

/// <summary>What a user asks of an export.</summary>
public sealed record ExportOptions
{
    /// <summary>The output's dtype; null for the model's.</summary>
    public TensorDtype? Dtype { get; init; }

    /// <summary>The most bytes of tensors in one file of the output.</summary>
    public long ShardBytes { get; init; } = 5_000_000_000;
}
