namespace Bam.Training.Optimization;

/// <summary>The numbers of one AdamW update (Loshchilov and Hutter 2019, Algorithm 2; torch.optim.AdamW).</summary>
/// <param name="GradientScale">Multiplies every gradient first: clipping, and 1/n of n accumulated micro-batches.</param>
/// <param name="Beta1">β₁, the decay of the mean.</param>
/// <param name="Beta1Rest">1 - β₁, rounded once.</param>
/// <param name="Beta2">β₂, the decay of the squares' mean.</param>
/// <param name="Beta2Rest">1 - β₂, rounded once.</param>
/// <param name="Epsilon">Added to the divisor.</param>
/// <param name="StepSize">learning rate / (1 - β₁ᵗ).</param>
/// <param name="SecondMomentScale">1 / √(1 - β₂ᵗ).</param>
/// <param name="Decay">learning rate · weight decay: the part of the matrices that goes.</param>
public readonly record struct AdamWStep(
    float GradientScale,
    float Beta1,
    float Beta1Rest,
    float Beta2,
    float Beta2Rest,
    float Epsilon,
    float StepSize,
    float SecondMomentScale,
    float Decay)
{
    /// <summary>The numbers of step s.</summary>
    /// <param name="settings">β, ε and the decay.</param>
    /// <param name="learningRate">The rate of step s.</param>
    /// <param name="step">s, counted from 0; PyTorch's t is s + 1.</param>
    /// <param name="gradientScale">Multiplies every gradient first.</param>
    public static AdamWStep At(TrainingSettings settings, double learningRate, long step, double gradientScale) => new(
        (float)gradientScale,
        (float)settings.Beta1,
        (float)(1 - settings.Beta1),
        (float)settings.Beta2,
        (float)(1 - settings.Beta2),
        (float)settings.Epsilon,
        (float)(learningRate / (1 - Math.Pow(settings.Beta1, step + 1))),
        (float)(1 / Math.Sqrt(1 - Math.Pow(settings.Beta2, step + 1))),
        (float)(learningRate * settings.WeightDecay));
}
