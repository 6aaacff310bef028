using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>
/// The training losses: of the compared models for each table over tokens and over core-seconds, of the others over tokens.
/// </summary>
internal static class LossCurves
{
    /// <summary>Appends the section, if any unit kept its losses.</summary>
    public static void Add(Html html, Study study)
    {
        var trained = study.Models.Where(model => model.History is { Loss.Count: > 0 }).ToList();
        if (trained.Count == 0) return;
        html.Line($"<section id='loss'>")
            .Line($"<h2>Training loss</h2>")
            .Add($"<p>Negative log-likelihood of the next token in nats, without the routers’ auxiliary losses, by the tokens ")
            .Add($"and by the core-seconds of each model’s own training. Each point is the mean over its part of the training.");
        if (study.Units.Count > 1) html.Add($" Lines are means over the seeds, bands show the range.");
        html.Line($" Hover over a panel to see the values.</p>");
        AddTables(html, study, ModelGroups.Compared(trained));
        AddOthers(html, study, trained);
        html.Line($"</section>");
    }

    private static void AddTables(Html html, Study study, IReadOnlyList<ModelResult> compared)
    {
        var colors = CurveColor.OfAll(compared);
        foreach (var table in study.Tables)
        {
            var models = compared.Where(model => table.Models.Contains(model.Name)).ToList();
            if (models.Count == 0) continue;
            html.Line($"<h3>{(study.Recipe.Tables.Count > 0 ? table.Title : "Mixtures")}</h3>").Line($"<div class='panels'>");
            LossPanel.Add(html, "over tokens", "tokens", Curves(study, models, colors, moment => moment.Tokens));
            LossPanel.Add(html, "over core-seconds", "core-seconds", Curves(study, models, colors, moment => moment.CoreSeconds));
            html.Line($"</div>");
        }
    }

    // Specialised models train on different text: their curves compare in shape only.
    private static void AddOthers(Html html, Study study, IReadOnlyList<ModelResult> trained)
    {
        var seed = trained.Where(model => model.Kind == ModelKind.Seed).ToList();
        var experts = trained.Where(model => model.Kind == ModelKind.Expert).ToList();
        if (seed.Count + experts.Count == 0) return;
        html.Line($"<h3>Seed and specialised models</h3>").Line($"<div class='panels'>");
        foreach (var (title, models) in new[] { ("seed", seed), ("specialised, each on its own text", experts) })
        {
            if (models.Count == 0) continue;
            LossPanel.Add(html, title, "tokens", Curves(study, models, CurveColor.OfAll(models), moment => moment.Tokens));
        }

        html.Line($"</div>");
    }

    private static List<LossCurve> Curves(
        Study study, IReadOnlyList<ModelResult> models, IReadOnlyDictionary<string, string> colors, Func<LossMoment, double> x) =>
        [.. from model in models
            let runs = study.Units.Select(unit => Points(unit, model.Name, x)).ToList()
            let curve = new LossCurve(model.Name, colors[model.Name], runs)
            where curve.Points.Count > 0
            select curve];

    private static IReadOnlyList<LossPoint> Points(Results unit, string model, Func<LossMoment, double> x)
    {
        var losses = unit.Models.First(result => result.Name == model).History?.Loss ?? [];
        return [.. losses.Select(moment => new LossPoint(x(moment), moment.Nll))];
    }
}

/// <summary>The style class that colours a model's curve.</summary>
internal static class CurveColor
{
    private static readonly string[] ExpertColors = ["c3", "c4", "c5", "c6", "c7"];
    private static readonly string[] MixtureColors = ["c3", "c4", "c5", "c6", "c7", "c0"];

    /// <summary>The colours of models by name, the same in every panel of a page.</summary>
    public static IReadOnlyDictionary<string, string> OfAll(IReadOnlyList<ModelResult> models) =>
        models.ToDictionary(model => model.Name, model => Of(model, models));

    /// <summary>
    /// The colour of a model among those of its panel: the first BAM and the first BTX have the same in every report.
    /// </summary>
    public static string Of(ModelResult model, IReadOnlyList<ModelResult> group)
    {
        bool IsFirst(ModelKind kind) => model == group.FirstOrDefault(other => other.Kind == kind);
        if (IsFirst(ModelKind.Bam)) return "c1";
        if (IsFirst(ModelKind.Btx)) return "c2";
        if (IsFirst(ModelKind.Seed)) return "c0";
        var colors = model.Kind == ModelKind.Expert ? ExpertColors : MixtureColors;
        var firsts = new[] { ModelKind.Bam, ModelKind.Btx, ModelKind.Seed }
            .Select(kind => group.FirstOrDefault(other => other.Kind == kind));
        var index = group.Where(other => !firsts.Contains(other)).ToList().IndexOf(model);
        // Once around the colours, lines turn dashed.
        return index < colors.Length ? colors[index] : $"{colors[index % colors.Length]} dashed";
    }
}
