using System.Text;
using System.Text.Json;
using Bam.Files;
using Bam.Training.Metrics;

namespace Bam.Experiments.Findings;

/// <summary>What the report needs of a model's <c>metrics.jsonl</c>.</summary>
/// <param name="Steps">The lines of the training itself, in order.</param>
/// <param name="Evaluations">The lines on held-out text, in order.</param>
internal sealed record MetricsLog(IReadOnlyList<StepMetrics> Steps, IReadOnlyList<EvaluationMetrics> Evaluations)
{
    private const string Hint = "remove the line";

    private static readonly JsonSerializerOptions Json = JsonRecord.Options;

    /// <summary>Reads the file that <see cref="JsonlMetrics"/> wrote.</summary>
    /// <exception cref="InvalidInputException">The file is missing or a line is not a metrics record.</exception>
    public static MetricsLog Load(string path)
    {
        if (!Path.Exists(path))
            throw new InvalidInputException(path, "the metrics of a trained model", "no such file", "run 'bam run RECIPE' again");
        var (steps, evaluations) = (new List<StepMetrics>(), new List<EvaluationMetrics>());
        foreach (var (line, i) in InputFile.ReadLines(path, "run 'bam run RECIPE' again").Select((line, i) => (line, i)))
        {
            var where = $"{path}:{i + 1}";
            var record = JsonInput.Parse(Encoding.UTF8.GetBytes(line), where, Hint);
            if (record.ValueKind == JsonValueKind.Object && record.TryGetProperty("evaluation", out _))
                evaluations.Add(JsonRecord.Read<EvaluationMetrics>(record, where, Hint, Json));
            else
                steps.Add(Checked(JsonRecord.Read<StepMetrics>(record, where, Hint, Json), steps, where));
        }

        return new(steps, evaluations);
    }

    /// <summary>The losses, in order.</summary>
    public IReadOnlyList<LossPoint> Points { get; } = [.. Steps.Select(step => new LossPoint(step.Tokens, step.Nll))];

    /// <summary>Routing by domain, the mean over the last quarter of the logged steps; empty for a dense model.</summary>
    public IReadOnlyDictionary<string, RoutingByLayer> Routing { get; } =
        MeanRouting([.. Steps.Where(step => step.Layers is { Count: > 0 }).Select(step => step.Layers!)]);

    /// <summary>The median fraction of the machine's matrix peak; NaN when it was not measured.</summary>
    public double FractionOfPeak { get; } = Median([.. Steps.Select(step => step.FractionOfPeak).OfType<double>().Order()]);

    private static double Median(List<double> ordered) => ordered.Count > 0 ? ordered[ordered.Count / 2] : double.NaN;

    // Tables and figures go over the layers and the experts of all lines at once.
    private static StepMetrics Checked(StepMetrics step, List<StepMetrics> before, string where)
    {
        if (step.Step < 1 || step.Tokens < 1) throw new InvalidInputException(where, "a step and its tokens, from 1 on", $"step {step.Step} and {step.Tokens} tokens", Hint);
        var shape = ShapeOf(step);
        return !shape.Contains('/') && (before.Count == 0 || ShapeOf(before[0]) == shape)
            ? step
            : throw new InvalidInputException($"{where}: key 'layers'", "the layers and experts of the other lines", "others", Hint);
    }

    private static string ShapeOf(StepMetrics step) => string.Join(';', (step.Layers ?? []).Select(layer =>
    {
        var domains = layer.ByDomain?.Values ?? [];
        var load = CountsOf([layer.ExpertLoad, .. domains.Select(domain => domain.ExpertLoad)]);
        var gate = CountsOf([layer.AttentionGate, .. domains.Select(domain => domain.AttentionGate)]);
        return $"{load},{gate},{layer.GateEntropy is null},{layer.RouterEntropy is null}";
    }));

    private static string CountsOf(IEnumerable<IReadOnlyList<double>?> lists) =>
        string.Join('/', lists.OfType<IReadOnlyList<double>>().Select(list => list.Count).Distinct());

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
