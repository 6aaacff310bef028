using Bam.Checkpoints;
using Bam.Models;
using Bam.Models.Costs;
using Bam.Torch;
using Bam.Training.Metrics;

namespace Bam.Training;

/// <summary>
/// Makes a line of metrics: the losses since the last line, the speed as tokens/s and as a fraction of this machine's matrix
/// peak, and the routing.
/// </summary>
internal sealed class StepMeter
{
    private static readonly Dictionary<(Device, ScalarType), double> Peaks = [];

    private readonly TrainingConfig config;
    private readonly double flopsPerToken;
    private readonly double? peak;

    /// <summary>Measures this process's peak, once per device and dtype; the others of the run count alike.</summary>
    public StepMeter(ModelConfig model, TrainingConfig config, Device device, bool measuresPeak, int processes = 1)
    {
        this.config = config;
        flopsPerToken = ModelFlops.Training(model, config.Settings.SequenceLength);
        // A CPU seldom reaches bfloat16's peak in its products, and may need minutes to show it: float32's is measured there.
        var isHalf = config.Settings.Dtype == TrainingDtype.Bfloat16 && !device.IsCpu;
        if (measuresPeak) peak = PeakOf(device, isHalf ? ScalarType.BFloat16 : ScalarType.Float32) * processes;
    }

    /// <summary>The line for the steps since the last one; step and routing are the last step's.</summary>
    public StepMetrics Metrics(TrainerState state, StepResult step, RoutingStatistics? routing)
    {
        var window = state.Window;
        var tokensPerSecond = window.Steps * config.Settings.TokensPerStep / window.Seconds;
        return new(window / window.Steps)
        {
            Step = state.Step,
            Tokens = state.Tokens,
            LearningRate = step.LearningRate,
            GradientNorm = step.GradientNorm,
            TokensPerSecond = tokensPerSecond,
            FractionOfPeak = tokensPerSecond * flopsPerToken / peak,
            CoreSeconds = state.CoreSeconds,
            Layers = routing is null ? null : [.. routing.Layers.Select(Metrics)],
        };
    }

    private LayerMetrics Metrics(LayerRouting layer)
    {
        var (load, gate) = (layer.ExpertLoad(), layer.AttentionGate());
        return new()
        {
            ExpertLoad = load,
            AttentionGate = gate,
            GateEntropy = gate is null ? null : layer.GateEntropy,
            RouterEntropy = load is null ? null : layer.RouterEntropy,
            ByDomain = config.Data
                .Select((domain, d) => (Name: domain.Domain, Load: layer.ExpertLoad(d), Gate: layer.AttentionGate(d)))
                .Where(d => d.Load is not null || d.Gate is not null)
                .ToDictionary(d => d.Name, d => new DomainRouting { ExpertLoad = d.Load, AttentionGate = d.Gate }),
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
