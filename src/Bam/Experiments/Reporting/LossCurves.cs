namespace Bam.Experiments.Reporting;

/// <summary>The training losses of all phases, a panel for each kind of model.</summary>
internal static class LossCurves
{
    private static readonly string[] ExpertColors = ["c3", "c4", "c5", "c6", "c7"];
    private static readonly string[] MixtureColors = ["c3", "c4", "c5", "c6", "c7", "c0"];

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
        foreach (var (title, curves) in panels) LossPanel.Add(html, title, curves);
        html.Line($"</div>").Line($"</section>");
    }

    private static List<LossCurve> Curves(IReadOnlyList<ModelResult> models, ReportData data) =>
        [.. models
            .Where(model => data.Metrics.ContainsKey(model.Name))
            .Select(model => new LossCurve(model.Name, Color(model, models), data.Metrics[model.Name].Points))
            .Where(curve => curve.Raw.Count > 0)];

    // The first BAM and the first BTX have the same colours in every report.
    private static string Color(ModelResult model, IReadOnlyList<ModelResult> group)
    {
        bool IsFirst(ModelKind kind) => model == group.FirstOrDefault(other => other.Kind == kind);
        if (IsFirst(ModelKind.Bam)) return "c1";
        if (IsFirst(ModelKind.Btx)) return "c2";
        if (IsFirst(ModelKind.Seed)) return "c0";
        var colors = model.Kind == ModelKind.Expert ? ExpertColors : MixtureColors;
        var firsts = new[] { ModelKind.Bam, ModelKind.Btx, ModelKind.Seed }.Select(kind => group.FirstOrDefault(other => other.Kind == kind));
        var index = group.Where(other => !firsts.Contains(other)).ToList().IndexOf(model);
        // Once around the colours, lines turn dashed.
        return index < colors.Length ? colors[index] : $"{colors[index % colors.Length]} dashed";
    }
}
