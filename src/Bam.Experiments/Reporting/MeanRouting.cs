using Bam.Experiments.Findings;
using Bam.Experiments.Studies;
using Bam.Training.Metrics;

namespace Bam.Experiments.Reporting;

/// <summary>How a mixture routed over its training, averaged over the units of a study.</summary>
internal sealed class MeanRouting
{
    private readonly IReadOnlyList<IReadOnlyList<RoutingMoment>> runs;

    private MeanRouting(IReadOnlyList<IReadOnlyList<RoutingMoment>> runs)
    {
        this.runs = runs;
        Moments = runs.Min(run => run.Count);
        Layers = Moments == 0 ? 0 : runs[0][0].Layers.Count;
    }

    /// <summary>The moments, at equal distances.</summary>
    public int Moments { get; }

    /// <summary>The blocks.</summary>
    public int Layers { get; }

    /// <summary>Averages a model's routing; null when it has none.</summary>
    public static MeanRouting? Of(Study study, string model)
    {
        var mean = new MeanRouting([.. study.Units.Select(unit => unit.Models.First(result => result.Name == model).History?.Routing ?? [])]);
        return mean.Moments == 0 ? null : mean;
    }

    /// <summary>[L, experts] at a moment; empty where nothing was measured.</summary>
    public double[][] ByLayer(int moment, Func<LayerMetrics, IReadOnlyList<double>?> select) =>
        Whole([.. Enumerable.Range(0, Layers).Select(layer => Mean(runs.Select(run => select(run[moment].Layers[layer]))))]);

    /// <summary>[moments, experts], averaged over the layers; empty where nothing was measured.</summary>
    public double[][] OverTime(Func<LayerMetrics, IReadOnlyList<double>?> select) =>
        Whole([.. Enumerable.Range(0, Moments).Select(moment => Mean(runs.SelectMany(run => run[moment].Layers).Select(select)))]);

    // A run whose moment saw no token of a domain does not count.
    private static double[] Mean(IEnumerable<IReadOnlyList<double>?> values)
    {
        var there = values.OfType<IReadOnlyList<double>>().Where(value => value.Count > 0).ToList();
        return there.Count == 0 ? [] : [.. Enumerable.Range(0, there.Min(value => value.Count)).Select(expert => there.Average(value => value[expert]))];
    }

    private static double[][] Whole(double[][] rows) => rows.All(row => row.Length == 0) ? [] : rows;
}
