using Bam.Checkpoints;
using Bam.Models.Costs;
using Bam.Torch;
using Bam.Training.Metrics;

namespace Bam.Training;

/// <summary>Makes a line of metrics of sums, with speed as tokens/s and as a fraction of this machine's matrix peak.</summary>
internal sealed class SpeedMeter
{
    private static readonly Dictionary<(Device, ScalarType), double> Peaks = [];

    private readonly long tokensPerStep;
    private readonly double flopsPerToken;
    private readonly double? peak;

    /// <summary>Measures the peak, once for a process, a device and a dtype.</summary>
    public SpeedMeter(ModelConfig model, TrainingSettings settings, Device device, bool measuresPeak)
    {
        tokensPerStep = settings.TokensPerStep;
        flopsPerToken = ModelFlops.Training(model, settings.SequenceLength);
        // Of a processor float32's, which its products of bfloat16 seldom reach and may need minutes to show.
        var isHalf = settings.Dtype == TrainingDtype.Bfloat16 && !device.IsCpu;
        if (measuresPeak) peak = PeakOf(device, isHalf ? ScalarType.BFloat16 : ScalarType.Float32);
    }

    /// <summary>The line for the steps since the last one.</summary>
    public StepMetrics Metrics(TrainerState state, StepResult step)
    {
        var window = state.Window;
        var tokensPerSecond = window.Steps * tokensPerStep / window.Seconds;
        return new()
        {
            Step = state.Step,
            Tokens = state.Tokens,
            Loss = window.Loss / window.Steps,
            Nll = window.Nll / window.Steps,
            LoadBalancing = window.LoadBalancing / window.Steps,
            RouterZ = window.RouterZ / window.Steps,
            LearningRate = step.LearningRate,
            GradientNorm = step.GradientNorm,
            TokensPerSecond = tokensPerSecond,
            FractionOfPeak = tokensPerSecond * flopsPerToken / peak,
            CoreSeconds = state.CoreSeconds,
        };
    }

    private static double PeakOf(Device device, ScalarType type)
    {
        lock (Peaks)
        {
            if (!Peaks.TryGetValue((device, type), out var found))
                Peaks[(device, type)] = found = MatrixPeak.Measure(device: device, type: type) * 1e9;
            return found;
        }
    }
}
