using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>What training cost against the perplexity that it bought.</summary>
internal static class CostScatter
{
    /// <summary>Appends the section, if two models or more were trained beside the seed and the specialised ones.</summary>
    public static void Add(Html html, Study study)
    {
        var models = ModelGroups.Compared(study.MeanModels).Where(model => double.IsFinite(model.MeanPerplexity)).ToList();
        if (models.Count < 2) return;
        var colors = CurveColor.OfAll(models);
        html.Line($"<section id='cost-perplexity'>")
            .Line($"<h2>Cost and perplexity</h2>")
            .Add($"<p>Mean perplexity over what the model’s own training took; further left is cheaper, further down is better.")
            .Add($"{(study.Units.Count > 1 ? " Bars reach one standard deviation over the seed numbers to both sides." : "")}")
            .Line($" What is only mixed and not trained is not shown.</p>")
            .Line($"<div class='panels'>");
        ScatterPanel.Add(html, "Core-seconds", "core-seconds", Points(study, models, colors, model => model.CoreSeconds));
        ScatterPanel.Add(html, "FLOPs", "FLOPs", Points(study, models, colors, model => model.Flops));
        html.Line($"</div>").Line($"</section>");
    }

    private static List<ScatterPoint> Points(
        Study study, IReadOnlyList<ModelResult> models, IReadOnlyDictionary<string, string> colors, Func<ModelResult, double> cost) =>
        [.. models.Select(model => new ScatterPoint(
            model.Name, colors[model.Name], study.Of(model.Name, cost), study.Of(model.Name, result => result.MeanPerplexity)))];
}
