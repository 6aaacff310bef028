using Bam.Checkpoints.Safetensors;

namespace Bam.Exporting;

/// <summary>What a user asks of an export.</summary>
internal sealed record ExportOptions
{
    /// <summary>The output's dtype; null for the model's.</summary>
    public TensorDtype? Dtype { get; init; }

    /// <summary>Matrices in llama.cpp's Q8_0, eight bits a number and a scale for every 32; whatever <see cref="Dtype"/> says.</summary>
    public bool Quantize { get; init; }

    /// <summary>The most bytes of tensors in one file of the output; null for the format's own choice.</summary>
    public long? ShardBytes { get; init; }
}
