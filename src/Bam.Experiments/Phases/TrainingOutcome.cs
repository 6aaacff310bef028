namespace Bam.Experiments.Phases;

/// <summary>What a finished training cost.</summary>
/// <param name="Tokens">Tokens trained on.</param>
/// <param name="CoreSeconds">Wall seconds inside training steps × threads.</param>
/// <param name="TokensPerSecond">Tokens over the wall seconds inside training steps.</param>
/// <param name="Flops">3 × forward, all layers and head.</param>
internal sealed record TrainingOutcome(long Tokens, double CoreSeconds, double TokensPerSecond, double Flops)
{
    /// <summary>Wall seconds inside training steps, of all attempts.</summary>
    public double StepSeconds => Tokens / TokensPerSecond;
}
