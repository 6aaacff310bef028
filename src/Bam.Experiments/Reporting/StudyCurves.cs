using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>The training losses of a study's mixtures, for each of its tables over tokens and over core-seconds side by side.</summary>
internal static class StudyCurves
{
    /// <summary>Appends the section, if any unit kept its losses.</summary>
    public static void Add(Html html, Study study)
    {
        var trained = ModelGroups.Compared(study.Models).Where(model => model.History is { Loss.Count: > 0 }).ToList();
        var panels = study.Tables
            .Select(table => (table.Title, Models: table.Models.Select(name => trained.Find(model => model.Name == name)).OfType<ModelResult>().ToList()))
            .Where(panel => panel.Models.Count > 0)
            .ToList();
        if (panels.Count == 0) return;
        var colors = CurveColor.OfAll(trained);
        html.Line($"<section id='loss'>")
            .Line($"<h2>Learning curves</h2>")
            .Add($"<p>Training loss: negative log-likelihood of the next token in nats, without the routers’ auxiliary losses, over the tokens of ")
            .Add($"each model’s own phase and over the core-seconds it took. Lines are means over the seed numbers, bands reach from the lowest ")
            .Line($"to the highest of them. Point at a panel for the values.</p>");
        foreach (var (title, models) in panels)
        {
            html.Line($"<h3>{title}</h3>").Line($"<div class='panels'>");
            LossPanel.Add(html, "over tokens", "tokens", Curves(study, models, colors, moment => moment.Tokens));
            LossPanel.Add(html, "over core-seconds", "core-seconds", Curves(study, models, colors, moment => moment.CoreSeconds));
            html.Line($"</div>");
        }

        html.Line($"</section>");
    }

    private static List<LossCurve> Curves(
        Study study, IReadOnlyList<ModelResult> models, IReadOnlyDictionary<string, string> colors, Func<LossMoment, double> x) =>
        [.. models.Select(model => LossCurve.OfRuns(model.Name, colors[model.Name], [.. study.Units.Select(unit => Points(unit, model.Name, x))]))
            .Where(curve => curve.Raw.Count > 0)];

    private static IReadOnlyList<LossPoint> Points(Results unit, string model, Func<LossMoment, double> x) =>
        [.. (unit.Models.First(result => result.Name == model).History?.Loss ?? []).Select(moment => new LossPoint(x(moment), moment.Nll))];
}
