using System.Globalization;

namespace Bam.Training.Metrics;

/// <summary>Metrics as TensorBoard scalars: loss/…, optimizer/…, speed/…, routing/layer_0/…, evaluation/….</summary>
internal sealed class TensorBoardMetrics(TensorBoardWriter writer) : IMetricsSink
{
    public void Write(StepMetrics metrics)
    {
        var scalars = new List<KeyValuePair<string, double>>
        {
            new("loss/total", metrics.Loss),
            new("loss/nll", metrics.Nll),
            new("loss/load_balancing", metrics.LoadBalancing),
            new("loss/router_z", metrics.RouterZ),
            new("optimizer/learning_rate", metrics.LearningRate),
            new("optimizer/gradient_norm", metrics.GradientNorm),
            new("speed/tokens_per_second", metrics.TokensPerSecond),
        };
        if (metrics.FractionOfPeak is { } fraction) scalars.Add(new("speed/fraction_of_peak", fraction));
        for (var layer = 0; layer < (metrics.Layers?.Count ?? 0); layer++)
            Add(scalars, $"routing/layer_{layer}", metrics.Layers![layer]);
        writer.Write(metrics.Step, scalars);
    }

    public void Write(EvaluationMetrics metrics)
    {
        var scalars = new List<KeyValuePair<string, double>>();
        foreach (var (domain, figures) in metrics.Evaluation)
        {
            scalars.Add(new($"evaluation/perplexity/{domain}", figures.Perplexity));
            if (figures.BitsPerByte is { } bits) scalars.Add(new($"evaluation/bits_per_byte/{domain}", bits));
        }

        writer.Write(metrics.Step, scalars);
    }

    public void Flush() => writer.Flush();

    public void Dispose() => writer.Dispose();

    private static void Add(List<KeyValuePair<string, double>> scalars, string prefix, LayerMetrics layer)
    {
        Add(scalars, $"{prefix}/expert_load", layer.ExpertLoad);
        Add(scalars, $"{prefix}/attention_gate", layer.AttentionGate);
        if (layer.GateEntropy is { } gateEntropy) scalars.Add(new($"{prefix}/gate_entropy", gateEntropy));
        if (layer.RouterEntropy is { } routerEntropy) scalars.Add(new($"{prefix}/router_entropy", routerEntropy));
        foreach (var (domain, routing) in layer.ByDomain ?? new Dictionary<string, DomainRouting>())
        {
            Add(scalars, $"{prefix}/{domain}/expert_load", routing.ExpertLoad);
            Add(scalars, $"{prefix}/{domain}/attention_gate", routing.AttentionGate);
        }
    }

    private static void Add(List<KeyValuePair<string, double>> scalars, string prefix, IReadOnlyList<double>? values)
    {
        for (var i = 0; i < (values?.Count ?? 0); i++)
            scalars.Add(new($"{prefix}/{i.ToString(CultureInfo.InvariantCulture)}", values![i]));
    }
}
