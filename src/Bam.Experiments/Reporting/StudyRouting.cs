using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Studies;
using Bam.Training.Metrics;

namespace Bam.Experiments.Reporting;

/// <summary>Where each mixture of a study sends its tokens: over training, and by domain at its end.</summary>
internal static class StudyRouting
{
    private const int ShownMoments = 4;

    /// <summary>Appends the section, if any unit kept its routing.</summary>
    public static void Add(Html html, Study study)
    {
        var mixtures = study.Models.Select(model => (Model: model, Routing: MeanRouting.Of(study, model.Name))).Where(mixture => mixture.Routing is not null).ToList();
        if (mixtures.Count == 0) return;
        html.Line($"<section id='routing'>")
            .Line($"<h2>Routing</h2>")
            .Add($"<p>Columns are experts, cells are per cent, means over the seed numbers. <em>Load</em> counts the feed-forward assignments; the ")
            .Add($"<em>gate</em> is the mean weight of an attention expert. Moments are named by the part of the training that they end. In tables of one ")
            .Line($"domain’s tokens the expert that was trained on it is underlined.</p>");
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

        void AddKind(string title, Func<LayerMetrics, IReadOnlyList<double>?> all, Func<DomainRouting, IReadOnlyList<double>?> one)
        {
            var count = Math.Max(Width(routing.ByLayer(0, all)), study.Domains.Max(domain => Width(routing.OverTime(Of(domain, one)))));
            if (count == 0) return;
            var experts = HeatMapColumn.Of(model, study.Models, count);
            HeatMap.AddAll(html, $"{title}, all tokens, by layer over the training", ByLayerOverTime(routing, all, experts), scaleEnd);
            html.Line($"<details><summary>{title} by domain</summary>");
            HeatMap.AddAll(html, $"{title} by domain over the training, mean of the layers", OverTimeByDomain(study, routing, one, experts), scaleEnd);
            HeatMap.AddAll(html, $"{title} by domain and layer at the end", AtTheEndByDomain(study, routing, one, experts), scaleEnd);
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
        Study study, MeanRouting routing, Func<DomainRouting, IReadOnlyList<double>?> one, IReadOnlyList<HeatMapColumn> experts) =>
        [.. study.Domains
            .Select(domain => new HeatMapPanel(domain, domain, routing.OverTime(Of(domain, one)), experts)
            {
                RowsTitle = "at",
                Rows = [.. Enumerable.Range(0, routing.Moments).Select(moment => Part(moment, routing))],
            })
            .Where(panel => panel.Values.Length > 0)];

    private static List<HeatMapPanel> AtTheEndByDomain(
        Study study, MeanRouting routing, Func<DomainRouting, IReadOnlyList<double>?> one, IReadOnlyList<HeatMapColumn> experts) =>
        [.. study.Domains
            .Select(domain => new HeatMapPanel(domain, domain, routing.ByLayer(routing.Moments - 1, Of(domain, one)), experts))
            .Where(panel => panel.Values.Length > 0)];

    private static Func<LayerMetrics, IReadOnlyList<double>?> Of(string domain, Func<DomainRouting, IReadOnlyList<double>?> one) =>
        layer => layer.ByDomain?.GetValueOrDefault(domain) is { } routing ? one(routing) : null;

    private static string Part(int moment, MeanRouting routing) =>
        string.Create(CultureInfo.InvariantCulture, $"{100.0 * (moment + 1) / routing.Moments:0}\u2009%");

    private static int Width(double[][] values) => values.Select(row => row.Length).DefaultIfEmpty(0).Max();

    private static double Largest(MeanRouting routing) => Enumerable.Range(0, routing.Moments)
        .SelectMany(moment => new[] { routing.ByLayer(moment, layer => layer.ExpertLoad), routing.ByLayer(moment, layer => layer.AttentionGate) })
        .Concat([routing.ByLayer(routing.Moments - 1, Strongest(domain => domain.ExpertLoad)), routing.ByLayer(routing.Moments - 1, Strongest(domain => domain.AttentionGate))])
        .SelectMany(values => values).SelectMany(row => row).DefaultIfEmpty(1).Max();

    private static Func<LayerMetrics, IReadOnlyList<double>?> Strongest(Func<DomainRouting, IReadOnlyList<double>?> one) =>
        layer => (layer.ByDomain?.Values ?? []).Select(one).OfType<IReadOnlyList<double>>().MaxBy(values => values.Max());
}
