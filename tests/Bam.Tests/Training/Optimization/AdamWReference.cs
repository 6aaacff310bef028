using Bam.Training;

namespace Bam.Tests.Training.Optimization;

/// <summary>torch.optim.AdamW as its documentation writes it, in double, one element after the other.</summary>
internal static class AdamWReference
{
    public static void Update(
        double[] values, float[] gradients, double[] means, double[] squares, TrainingSettings settings, double rate, int step,
        double scale, bool decays)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var g = gradients[i] * scale;
            if (decays) values[i] -= rate * settings.WeightDecay * values[i];
            means[i] = settings.Beta1 * means[i] + (1 - settings.Beta1) * g;
            squares[i] = settings.Beta2 * squares[i] + (1 - settings.Beta2) * g * g;
            var unbiasedMean = means[i] / (1 - Math.Pow(settings.Beta1, step + 1));
            var unbiasedSquare = squares[i] / (1 - Math.Pow(settings.Beta2, step + 1));
            values[i] -= rate * unbiasedMean / (Math.Sqrt(unbiasedSquare) + settings.Epsilon);
        }
    }
}
