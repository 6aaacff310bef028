using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>A matrix product, with a bias where the model has one.</summary>
/// <param name="Weight">[out, in]; [in, out] for attention's output projections.</param>
/// <param name="Bias">[out], a leaf; null for none.</param>
internal sealed record Projection(Parameter Weight, Tensor? Bias)
{
    /// <summary>x·Wᵀ + b.</summary>
    /// <param name="x">[…, in].</param>
    /// <returns>[…, out].</returns>
    public Tensor Apply(Tensor x)
    {
        using var scope = TensorScope.Open();
        var product = LinearFunction.Apply(x, Weight);
        return scope.Keep(Bias is null ? product : product + Bias.To(product.ScalarType));
    }

    /// <summary>Rows <paramref name="start"/> … as a projection of their own.</summary>
    public Projection Rows(long start, long count) => new(Weight.Rows(start, count), Bias?.Narrow(0, start, count));
}
