namespace Bam.Training;

/// <summary>Linear warm-up, then a cosine to a part of the peak.</summary>
/// <param name="Peak">The rate at the end of warm-up.</param>
/// <param name="WarmupSteps">The steps that rise to the peak; 0 and 1 both start at the peak.</param>
/// <param name="FinalFraction">The last step's rate over the peak.</param>
/// <param name="TotalSteps">The run's steps.</param>
internal sealed record LearningRateSchedule(double Peak, long WarmupSteps, double FinalFraction, long TotalSteps)
{
    public static LearningRateSchedule Of(TrainingSettings settings) =>
        new(settings.LearningRate, settings.WarmupSteps, settings.FinalLearningRateFraction, settings.TotalSteps);

    /// <summary>The rate of step s, from 0: Peak·(s+1)/warm-up, then a half cosine that ends with the last step.</summary>
    public double RateAt(long step)
    {
        var peakStep = Math.Max(WarmupSteps, 1) - 1;
        if (step < peakStep) return Peak * (step + 1) / WarmupSteps;
        if (TotalSteps - 1 <= peakStep) return Peak;
        var progress = Math.Min(1, (double)(step - peakStep) / (TotalSteps - 1 - peakStep));
        return Peak * (FinalFraction + (1 - FinalFraction) * 0.5 * (1 + Math.Cos(Math.PI * progress)));
    }
}
