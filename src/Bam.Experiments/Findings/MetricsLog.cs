using System.Text;
using System.Text.Json;
using Bam.Files;
using Bam.Training.Metrics;

namespace Bam.Experiments.Findings;

/// <summary>
/// The lines of a model's <c>metrics.jsonl</c>, in order: those of the training itself, and those on held-out text.
/// </summary>
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

    /// <summary>The median fraction of the machine's matrix peak; null when it was not measured.</summary>
    public double? FractionOfPeak { get; } = Median([.. Steps.Select(step => step.FractionOfPeak).OfType<double>().Order()]);

    private static double? Median(List<double> ordered) => ordered.Count > 0 ? ordered[ordered.Count / 2] : null;

    // Tables and figures go over the layers and the experts of all lines at once.
    private static StepMetrics Checked(StepMetrics step, List<StepMetrics> before, string where)
    {
        if (step.Step < 1 || step.Tokens < 1)
            throw new InvalidInputException(
                where, "a step and its tokens, from 1 on", $"step {step.Step} and {step.Tokens} tokens", Hint);
        var shape = ShapeOf(step);
        return !shape.Contains('/') && (before.Count == 0 || ShapeOf(before[0]) == shape)
            ? step
            : throw new InvalidInputException(
                $"{where}: key 'layers'", "the layers and experts of the other lines", "others", Hint);
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
}
