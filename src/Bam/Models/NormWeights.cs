using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>A norm's weight and bias, and the norm: always computed in float32.</summary>
/// <param name="Weight">[d], or a weight for each head, [heads, head_dim].</param>
/// <param name="Bias">[d]; null for none.</param>
internal sealed record NormWeights(Tensor Weight, Tensor? Bias)
{
    /// <summary>The norm over the last dimension.</summary>
    /// <param name="x">[…, d].</param>
    /// <param name="config">Its kind, and what is added to the variance.</param>
    /// <returns>As x.</returns>
    public Tensor Apply(Tensor x, ModelConfig config)
    {
        using var scope = TensorScope.Open();
        var wide = x.To(ScalarType.Float32);
        return scope.Keep((config.NormType == NormType.LayerNorm ? LayerNorm(wide, config.NormEps) : RootMeanSquare(wide, config.NormEps)).To(x.ScalarType));
    }

    private Tensor LayerNorm(Tensor x, double eps) =>
        Weight.Shape.Length == 1 ? x.LayerNorm(Weight, Bias, eps) : x.LayerNorm(weight: null, bias: null, eps) * Weight;

    private Tensor RootMeanSquare(Tensor x, double eps)
    {
        var normed = x * (x.Square().Mean(-1, keepDim: true) + eps).Rsqrt() * Weight;
        return Bias is null ? normed : normed + Bias;
    }
}
