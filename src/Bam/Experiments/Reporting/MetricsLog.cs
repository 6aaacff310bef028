using System.Text.Json;
using Bam.Training.Metrics;

namespace Bam.Experiments.Reporting;

/// <summary>What the report needs of a model's <c>metrics.jsonl</c>.</summary>
/// <param name="Steps">The lines of the training itself, in order.</param>
/// <param name="Evaluations">The lines on held-out text, in order.</param>
internal sealed record MetricsLog(IReadOnlyList<StepMetrics> Steps, IReadOnlyList<EvaluationMetrics> Evaluations)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Reads the file that <see cref="JsonlMetrics"/> wrote.</summary>
    /// <exception cref="InvalidInputException">The file is missing or a line is not a metrics record.</exception>
    public static MetricsLog Load(string path)
    {
        if (!File.Exists(path))
            throw new InvalidInputException(path, "the metrics of a trained model", "no such file", "run 'bam run RECIPE' again");
        var records = File.ReadLines(path).Select((line, i) => Parse(line, $"{path}:{i + 1}")).ToList();
        return new([.. records.OfType<StepMetrics>()], [.. records.OfType<EvaluationMetrics>()]);
    }

    /// <summary>The losses, in order.</summary>
    public IReadOnlyList<LossPoint> Points { get; } = [.. Steps.Select(step => new LossPoint(step.Tokens, step.Nll))];

    /// <summary>Routing by domain, the mean over the last quarter of the logged steps; empty for a dense model.</summary>
    public IReadOnlyDictionary<string, RoutingByLayer> Routing { get; } =
        MeanRouting([.. Steps.Where(step => step.Layers is { Count: > 0 }).Select(step => step.Layers!)]);

    /// <summary>The median fraction of the machine's matrix peak; NaN when it was not measured.</summary>
    public double FractionOfPeak { get; } = Median([.. Steps.Select(step => step.FractionOfPeak).OfType<double>().Order()]);

    private static double Median(List<double> ordered) => ordered.Count > 0 ? ordered[ordered.Count / 2] : double.NaN;

    // StepMetrics or EvaluationMetrics.
    private static object? Parse(string line, string where)
    {
        try
        {
            using var record = JsonDocument.Parse(line);
            return record.RootElement.TryGetProperty("evaluation", out _) ? record.Deserialize<EvaluationMetrics>(Json) : record.Deserialize<StepMetrics>(Json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidInputException($"{where}: is not a metrics record ({e.Message.ReplaceLineEndings(" ")}); remove the line", e);
        }
    }

    private static Dictionary<string, RoutingByLayer> MeanRouting(List<IReadOnlyList<LayerMetrics>> steps)
    {
        var late = steps.Skip(steps.Count * 3 / 4).ToList();
        var domains = late.SelectMany(layers => layers).SelectMany(layer => layer.ByDomain?.Keys ?? []).Distinct();
        return domains.ToDictionary(domain => domain, domain => new RoutingByLayer(
            MeanByLayer(late, domain, routing => routing.ExpertLoad),
            MeanByLayer(late, domain, routing => routing.AttentionGate)));
    }

    // [L, experts]; a step that drew no window of the domain does not count.
    private static double[][] MeanByLayer(
        List<IReadOnlyList<LayerMetrics>> steps, string domain, Func<DomainRouting, IReadOnlyList<double>?> select)
    {
        var means = new double[steps.Max(layers => layers.Count)][];
        for (var layer = 0; layer < means.Length; layer++)
        {
            var samples = steps
                .Select(layers => layers[layer].ByDomain?.GetValueOrDefault(domain))
                .Select(routing => routing is null ? null : select(routing))
                .OfType<IReadOnlyList<double>>()
                .ToList();
            means[layer] = samples.Count == 0
                ? []
                : [.. Enumerable.Range(0, samples[0].Count).Select(expert => samples.Average(values => values[expert]))];
        }

        return means.All(values => values.Length == 0) ? [] : means;
    }
}
