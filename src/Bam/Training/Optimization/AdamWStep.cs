namespace Bam.Training.Optimization;

/// <summary>The numbers of one AdamW update (Loshchilov and Hutter 2019, Algorithm 2; torch.optim.AdamW).</summary>
/// <param name="Count">t, the updates including this one, from 1.</param>
/// <param name="LearningRate">The schedule's rate.</param>
/// <param name="Beta1">β₁, the decay of the mean.</param>
/// <param name="Beta2">β₂, the decay of the squares' mean.</param>
/// <param name="Epsilon">Added to the divisor.</param>
/// <param name="WeightDecay">Times the learning rate: the part of a matrix that goes.</param>
/// <param name="GradientScale">Multiplies every gradient first: clipping, and 1/n of n accumulated micro-batches.</param>
internal readonly record struct AdamWStep(
    long Count, double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, double GradientScale)
{
    /// <summary>LearningRate / (1 - β₁ᵗ), times the mean.</summary>
    public double StepSize => LearningRate / (1 - Math.Pow(Beta1, Count));

    /// <summary>1 / √(1 - β₂ᵗ), times the root of the squares' mean.</summary>
    public double RootScale => 1 / Math.Sqrt(1 - Math.Pow(Beta2, Count));

    /// <summary>The part of a matrix that goes.</summary>
    public double Decay => LearningRate * WeightDecay;
}
