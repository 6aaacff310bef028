using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>The training losses of all phases, a panel for each kind of model.</summary>
internal static class LossCurves
{
    /// <summary>Appends the section, if any model has metrics.</summary>
    public static void Add(Html html, ReportData data)
    {
        var panels = data.Groups
            .Select(group => (group.Title, Curves: Curves(group.Models, data)))
            .Where(panel => panel.Curves.Count > 0)
            .ToList();
        if (panels.Count == 0) return;
        html.Line($"<section id='loss'>")
            .Line($"<h2>Training loss</h2>")
            .Add($"<p>Negative log-likelihood of the next token in nats, without the routers’ auxiliary losses, over the tokens of each ")
            .Add($"model’s own phase: a moving average, the logged values faint behind it. Specialised models train on different text, so ")
            .Line($"their curves compare in shape only. Point at a panel for the values.</p>")
            .Line($"<div class='panels'>");
        foreach (var (title, curves) in panels) LossPanel.Add(html, title, "tokens", curves);
        html.Line($"</div>").Line($"</section>");
    }

    private static List<LossCurve> Curves(IReadOnlyList<ModelResult> models, ReportData data) =>
        [.. models
            .Where(model => data.Metrics.ContainsKey(model.Name))
            .Select(model => new LossCurve(model.Name, CurveColor.Of(model, models), data.Metrics[model.Name].Points))
            .Where(curve => curve.Raw.Count > 0)];
}
