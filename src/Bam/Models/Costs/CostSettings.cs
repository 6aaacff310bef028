using Bam.Torch;

namespace Bam.Models.Costs;

/// <summary>What a cost depends on beside the model.</summary>
/// <param name="Length">n_ctx of inference, and T of training.</param>
/// <param name="BatchSize">B, the sequences of a micro-batch.</param>
/// <param name="Dtype">What training computes in, float32 or bfloat16.</param>
internal sealed record CostSettings(int Length, int BatchSize, ScalarType Dtype);
