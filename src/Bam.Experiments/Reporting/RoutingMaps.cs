using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>Where each mixture sends the tokens of each domain, layer by layer.</summary>
internal static class RoutingMaps
{
    /// <summary>Appends the section, if any mixture logged its routing by domain.</summary>
    public static void Add(Html html, ReportData data)
    {
        var mixtures = data.Results.Models
            .Where(model => data.Metrics.TryGetValue(model.Name, out var metrics) && metrics.Routing.Count > 0)
            .ToList();
        if (mixtures.Count == 0) return;
        var largest = mixtures.SelectMany(model => data.Metrics[model.Name].Routing.Values)
            .SelectMany(routing => routing.ExpertLoad.Concat(routing.AttentionGate))
            .SelectMany(values => values).DefaultIfEmpty(1).Max();
        var scaleEnd = HeatMap.ScaleEnd(largest);
        html.Line($"<section id='routing'>")
            .Line($"<h2>Routing by domain</h2>")
            .Add($"<p>One table for each domain: rows are layers, columns are experts, cells are per cent of that domain’s tokens, averaged ")
            .Add($"over the last quarter of training. <em>Load</em> counts the feed-forward assignments; the <em>gate</em> is the mean weight of ")
            .Line($"an attention expert. The expert that was trained on the table’s own domain is underlined.</p>");
        HeatMap.AddScale(html, scaleEnd);
        foreach (var model in mixtures) AddMixture(html, data, model, scaleEnd);
        html.Line($"</section>");
    }

    private static void AddMixture(Html html, ReportData data, ModelResult model, double scaleEnd)
    {
        var routing = data.Metrics[model.Name].Routing;
        html.Line($"<h3>{model.Name}</h3>");
        AddKind("Feed-forward load", routing => routing.ExpertLoad);
        AddKind("Attention gate", routing => routing.AttentionGate);

        void AddKind(string title, Func<RoutingByLayer, double[][]> select)
        {
            var domains = data.Results.Domains.Where(domain => routing.TryGetValue(domain, out var of) && select(of).Length > 0).ToList();
            if (domains.Count == 0) return;
            var experts = HeatMapColumn.Of(model, data.Results.Models, domains.Max(domain => select(routing[domain]).Max(row => row.Length)));
            HeatMap.AddAll(html, title, [.. domains.Select(domain => new HeatMapPanel(domain, domain, select(routing[domain]), experts))], scaleEnd);
        }
    }
}
