using System.Text.Json;

namespace Bam.Experiments.Reporting;

/// <summary>What the report needs of a model's <c>metrics.jsonl</c>.</summary>
/// <param name="Points">The logged steps, in order.</param>
/// <param name="Routing">Routing by domain over the last quarter of the logged steps; empty for a dense model.</param>
/// <param name="FractionOfPeak">The median fraction of the machine's matrix peak; NaN when it was not measured.</param>
internal sealed record MetricsLog(IReadOnlyList<LossPoint> Points, IReadOnlyDictionary<string, DomainRouting> Routing, double FractionOfPeak)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Reads the file; a last line that a killed process left unfinished is ignored.</summary>
    /// <exception cref="InvalidInputException">The file is missing or a line is not a metrics record.</exception>
    public static MetricsLog Load(string path)
    {
        if (!File.Exists(path))
            throw new InvalidInputException(path, "the metrics of a trained model", "no such file", "run 'bam run RECIPE' again");
        var steps = new SortedDictionary<long, Record>();
        var lines = File.ReadAllText(path).Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i])) continue;
            // A resumed run logs the steps after its checkpoint again; the later record is the one that led to the model.
            if (Parse(lines[i], $"{path}:{i + 1}", isLast: i == lines.Length - 1) is { Tokens: not null } record) steps[record.Step] = record;
        }

        var records = steps.Values.ToList();
        var peak = records.Select(record => record.FractionOfPeak ?? double.NaN).Where(double.IsFinite).Order().ToList();
        return new(
            [.. records.Select(record => new LossPoint(record.Tokens!.Value, record.Nll ?? record.Loss ?? double.NaN))],
            MeanRouting(records),
            peak.Count > 0 ? peak[peak.Count / 2] : double.NaN);
    }

    private static Record? Parse(string line, string where, bool isLast)
    {
        try
        {
            return JsonSerializer.Deserialize<Record>(line, Json);
        }
        catch (JsonException) when (isLast)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new InvalidInputException($"{where}: is not a metrics record ({e.Message.ReplaceLineEndings(" ")}); remove the line", e);
        }
    }

    private static Dictionary<string, DomainRouting> MeanRouting(List<Record> records)
    {
        var routed = records.Where(record => record.Layers is { Count: > 0 }).ToList();
        var late = routed.Skip(routed.Count * 3 / 4).ToList();
        var domains = late.SelectMany(record => record.Layers!).SelectMany(layer => layer?.ByDomain?.Keys ?? []).Distinct();
        return domains.ToDictionary(domain => domain, domain => new DomainRouting(
            MeanByLayer(late, domain, routing => routing.ExpertLoad),
            MeanByLayer(late, domain, routing => routing.AttentionGate)));
    }

    // [L, experts]; a step that drew no window of the domain does not count.
    private static double[][] MeanByLayer(List<Record> records, string domain, Func<LoggedRouting, double[]?> select)
    {
        var layers = records.Max(record => record.Layers!.Count);
        var means = new double[layers][];
        for (var layer = 0; layer < layers; layer++)
        {
            var samples = records
                .Select(record => record.Layers!.ElementAtOrDefault(layer)?.ByDomain?.GetValueOrDefault(domain))
                .Select(routing => routing is null ? null : select(routing))
                .OfType<double[]>()
                .Where(values => values.Length > 0 && values.All(double.IsFinite))
                .ToList();
            means[layer] = samples.Count == 0
                ? []
                : [.. Enumerable.Range(0, samples[0].Length).Select(expert => samples.Average(values => values[expert]))];
        }

        return means.All(values => values.Length == 0) ? [] : means;
    }

    private sealed record Record(
        long Step, long? Tokens, double? Loss, double? Nll, double? FractionOfPeak, IReadOnlyList<Layer?>? Layers);

    private sealed record Layer(IReadOnlyDictionary<string, LoggedRouting>? ByDomain);

    private sealed record LoggedRouting(double[]? ExpertLoad, double[]? AttentionGate);
}
