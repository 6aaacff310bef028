using System.Text.Json;
using Bam.Training.Metrics;

namespace Bam.Experiments.Reporting;

/// <summary>What the report needs of a model's <c>metrics.jsonl</c>.</summary>
/// <param name="Points">The losses, in order.</param>
/// <param name="Routing">Routing by domain, the mean over the last quarter of the logged steps; empty for a dense model.</param>
/// <param name="FractionOfPeak">The median fraction of the machine's matrix peak; NaN when it was not measured.</param>
internal sealed record MetricsLog(IReadOnlyList<LossPoint> Points, IReadOnlyDictionary<string, RoutingByLayer> Routing, double FractionOfPeak)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Reads the file that <see cref="JsonlMetrics"/> wrote.</summary>
    /// <exception cref="InvalidInputException">The file is missing or a line is not a metrics record.</exception>
    public static MetricsLog Load(string path)
    {
        if (!File.Exists(path))
            throw new InvalidInputException(path, "the metrics of a trained model", "no such file", "run 'bam run RECIPE' again");
        var steps = File.ReadLines(path).Select((line, i) => Parse(line, $"{path}:{i + 1}")).OfType<StepMetrics>().ToList();
        var peak = steps.Select(step => step.FractionOfPeak).OfType<double>().Order().ToList();
        return new(
            [.. steps.Select(step => new LossPoint(step.Tokens, step.Nll))],
            MeanRouting([.. steps.Where(step => step.Layers is { Count: > 0 }).Select(step => step.Layers!)]),
            peak.Count > 0 ? peak[peak.Count / 2] : double.NaN);
    }

    // Null for the other kind of line, an evaluation.
    private static StepMetrics? Parse(string line, string where)
    {
        try
        {
            using var record = JsonDocument.Parse(line);
            return record.RootElement.TryGetProperty("evaluation", out _) ? null : record.Deserialize<StepMetrics>(Json);
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
