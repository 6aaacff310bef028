using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Studies;
using Bam.Training.Metrics;

namespace Bam.Experiments.Reporting;

/// <summary>The routing of each mixture: by domain at the end of training, and over the training.</summary>
internal static class RoutingMaps
{
    private const int ShownMoments = 4;

    /// <summary>Appends the section, if any unit kept its routing.</summary>
    public static void Add(Html html, Study study)
    {
        var mixtures = study.Models
            .Select(model => (Model: model, Routing: MeanRouting.Of(study, model.Name)))
            .Where(mixture => mixture.Routing is not null)
            .ToList();
        if (mixtures.Count == 0) return;
        html.Line($"<section id='routing'>")
            .Line($"<h2>Routing</h2>")
            .Add($"<p>Columns are experts, cells are percentages{(study.Units.Count > 1 ? ", means over the seeds" : "")}. ")
            .Add($"<em>Load</em> is the share of feed-forward assignments; <em>gate</em> is the mean weight of an attention ")
            .Add($"expert. Points in time are given as the finished share of the training. In tables of one domain’s tokens, ")
            .Line($"the expert trained on that domain is underlined.</p>");
        var scaleEnd = HeatMap.ScaleEnd(mixtures.Max(mixture => Largest(mixture.Routing!)));
        HeatMap.AddScale(html, scaleEnd);
        foreach (var (model, routing) in mixtures) AddMixture(html, study, model, routing!, scaleEnd);
        html.Line($"</section>");
    }

    private static void AddMixture(Html html, Study study, ModelResult model, MeanRouting routing, double scaleEnd)
    {
        html.Line($"<h3>{model.Name}</h3>");
        AddKind("Feed-forward load", layer => layer.ExpertLoad, domain => domain.ExpertLoad);
        AddKind("Attention gate", layer => layer.AttentionGate, domain => domain.AttentionGate);

        void AddKind(
            string title, Func<LayerMetrics, IReadOnlyList<double>?> all, Func<DomainRouting, IReadOnlyList<double>?> one)
        {
            var widest = study.Domains.Max(domain => Width(routing.OverTime(Of(domain, one))));
            var count = Math.Max(Width(routing.ByLayer(0, all)), widest);
            if (count == 0) return;
            var experts = HeatMapColumn.Of(model, study.Models, count);
            HeatMap.AddAll(
                html, $"{title} by domain and layer at the end", AtTheEndByDomain(study, routing, one, experts), scaleEnd);
            html.Line($"<details><summary>{title} over the training</summary>");
            HeatMap.AddAll(html, $"{title}, all tokens, by layer", ByLayerOverTime(routing, all, experts), scaleEnd);
            HeatMap.AddAll(
                html, $"{title} by domain, mean of the layers", OverTimeByDomain(study, routing, one, experts), scaleEnd);
            html.Line($"</details>");
        }
    }

    private static List<HeatMapPanel> ByLayerOverTime(
        MeanRouting routing, Func<LayerMetrics, IReadOnlyList<double>?> all, IReadOnlyList<HeatMapColumn> experts)
    {
        var shown = Math.Min(ShownMoments, routing.Moments);
        var moments = Enumerable.Range(0, shown).Select(i => shown == 1 ? 0 : i * (routing.Moments - 1) / (shown - 1));
        return [.. moments
            .Select(moment => new HeatMapPanel($"at {Part(moment, routing)}", null, routing.ByLayer(moment, all), experts))
            .Where(panel => panel.Values.Length > 0)];
    }

    private static List<HeatMapPanel> OverTimeByDomain(
        Study study,
        MeanRouting routing,
        Func<DomainRouting, IReadOnlyList<double>?> one,
        IReadOnlyList<HeatMapColumn> experts) =>
        [.. study.Domains
            .Select(domain => new HeatMapPanel(domain, domain, routing.OverTime(Of(domain, one)), experts)
            {
                RowsTitle = "at",
                Rows = [.. Enumerable.Range(0, routing.Moments).Select(moment => Part(moment, routing))],
            })
            .Where(panel => panel.Values.Length > 0)];

    private static List<HeatMapPanel> AtTheEndByDomain(
        Study study,
        MeanRouting routing,
        Func<DomainRouting, IReadOnlyList<double>?> one,
        IReadOnlyList<HeatMapColumn> experts) =>
        [.. study.Domains
            .Select(domain => new HeatMapPanel(domain, domain, routing.ByLayer(routing.Moments - 1, Of(domain, one)), experts))
            .Where(panel => panel.Values.Length > 0)];

    private static Func<LayerMetrics, IReadOnlyList<double>?> Of(
        string domain, Func<DomainRouting, IReadOnlyList<double>?> one) =>
        layer => layer.ByDomain?.GetValueOrDefault(domain) is { } routing ? one(routing) : null;

    private static string Part(int moment, MeanRouting routing) =>
        string.Create(CultureInfo.InvariantCulture, $"{100.0 * (moment + 1) / routing.Moments:0}\u2009%");

    private static int Width(double[][] values) => values.Select(row => row.Length).DefaultIfEmpty(0).Max();

    private static double Largest(MeanRouting routing)
    {
        var moments = Enumerable.Range(0, routing.Moments);
        var end = routing.Moments - 1;
        IEnumerable<double[][]> all =
        [
            .. moments.Select(moment => routing.ByLayer(moment, layer => layer.ExpertLoad)),
            .. moments.Select(moment => routing.ByLayer(moment, layer => layer.AttentionGate)),
            routing.ByLayer(end, Strongest(domain => domain.ExpertLoad)),
            routing.ByLayer(end, Strongest(domain => domain.AttentionGate)),
        ];
        return all.SelectMany(values => values).SelectMany(row => row).DefaultIfEmpty(1).Max();
    }

    private static Func<LayerMetrics, IReadOnlyList<double>?> Strongest(Func<DomainRouting, IReadOnlyList<double>?> one) =>
        layer => (layer.ByDomain?.Values ?? []).Select(one).OfType<IReadOnlyList<double>>().MaxBy(values => values.Max());
}

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
        var models = study.Units.Select(unit => unit.Models.First(result => result.Name == model));
        var mean = new MeanRouting([.. models.Select(result => result.History?.Routing ?? [])]);
        return mean.Moments == 0 ? null : mean;
    }

    /// <summary>[L, experts] at a moment; empty where nothing was measured.</summary>
    public double[][] ByLayer(int moment, Func<LayerMetrics, IReadOnlyList<double>?> select) =>
        Whole([.. Enumerable.Range(0, Layers).Select(layer => Mean(runs.Select(run => select(run[moment].Layers[layer]))))]);

    /// <summary>[moments, experts], averaged over the layers; empty where nothing was measured.</summary>
    public double[][] OverTime(Func<LayerMetrics, IReadOnlyList<double>?> select) =>
        Whole(
            [.. Enumerable.Range(0, Moments).Select(moment => Mean(runs.SelectMany(run => run[moment].Layers).Select(select)))]);

    // A run whose moment saw no token of a domain does not count.
    private static double[] Mean(IEnumerable<IReadOnlyList<double>?> values)
    {
        var there = values.OfType<IReadOnlyList<double>>().Where(value => value.Count > 0).ToList();
        if (there.Count == 0) return [];
        var experts = there.Min(value => value.Count);
        return [.. Enumerable.Range(0, experts).Select(expert => there.Average(value => value[expert]))];
    }

    private static double[][] Whole(double[][] rows) => rows.All(row => row.Length == 0) ? [] : rows;
}
