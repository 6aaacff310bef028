using System.Numerics.Tensors;

namespace Bam.Models;

/// <summary>
/// A router from the mean inputs of its experts' domains: row e is what domain e's mean has beside what all domains share,
/// wₑ = s · (I − c·cᵀ/|c|²)(μₑ − c), where c is the mean of the means.
/// </summary>
/// <remarks>
/// Without the second factor an expert whose mean is long along c would be ahead for every token. s makes the logit wₑ·μₑ
/// <see cref="OwnLogit"/> on the mean over the experts; the logits of one input sum to 0.
/// </remarks>
internal static class RouterRows
{
    /// <summary>The logit of an expert at its own domain's mean, on the mean over the experts.</summary>
    public const double OwnLogit = 4;

    // What float32 leaves of differences between equal means, squared and relative to what they share.
    private const double Rounding = 1e-12;

    /// <summary>The rows one after the other, [experts, d]; null where the means do not differ.</summary>
    /// <param name="means">μ of each expert's domain, [d].</param>
    public static float[]? Of(IReadOnlyList<double[]> means)
    {
        var hidden = means[0].Length;
        var shared = new double[hidden];
        foreach (var mean in means) TensorPrimitives.Add<double>(shared, mean, shared);
        TensorPrimitives.Divide(shared, means.Count, shared);

        var rows = means.Select(mean => Beside(shared, mean)).ToArray();
        var ownLogit = rows.Average(row => TensorPrimitives.SumOfSquares<double>(row));  // wₑ·μₑ = |wₑ|² before scaling
        if (!(ownLogit > Rounding * TensorPrimitives.SumOfSquares<double>(shared))) return null;
        return [.. rows.SelectMany(row => row).Select(value => (float)(value * OwnLogit / ownLogit))];
    }

    private static double[] Beside(double[] shared, double[] mean)
    {
        var row = new double[mean.Length];
        TensorPrimitives.Subtract<double>(mean, shared, row);
        var square = TensorPrimitives.SumOfSquares<double>(shared);
        if (square > 0) TensorPrimitives.MultiplyAdd(shared, -TensorPrimitives.Dot<double>(row, shared) / square, row, row);
        return row;
    }
}
