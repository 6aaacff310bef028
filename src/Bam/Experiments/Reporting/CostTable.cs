namespace Bam.Experiments.Reporting;

/// <summary>How large each model is and what its training cost.</summary>
internal static class CostTable
{
    /// <summary>Appends the section.</summary>
    public static void Add(Html html, ReportData data)
    {
        html.Line($"<section id='costs'>")
            .Line($"<h2>Sizes and costs</h2>")
            .Add($"<p>Parameters in total, and active: those that one token passes through. Core time is wall time inside training steps × ")
            .Add($"threads, for the model’s own phase only; FLOPs count forward and backward of all layers and the head. The peak is that of a ")
            .Line($"matrix product measured in the same run.</p>")
            .Line($"<div class='scroll' role='region' tabindex='0' aria-label='Sizes and training costs'>")
            .Line($"<table class='costs'><caption>Sizes and training costs by model</caption>")
            .Add($"<thead><tr><th scope='col'>Model</th><th scope='col'>Total</th><th scope='col'>Active</th><th scope='col'>Tokens</th>")
            .Add($"<th scope='col'>Core time</th><th scope='col'>Tokens/s</th><th scope='col'>of peak</th><th scope='col'>FLOPs</th>")
            .Line($"</tr></thead>");
        foreach (var (title, models) in data.Groups)
        {
            html.Line($"<tbody><tr class='group'><th scope='rowgroup' colspan='8'>{title}</th></tr>");
            foreach (var model in models) AddRow(html, model, data.Metrics.GetValueOrDefault(model.Name));
            html.Line($"</tbody>");
        }

        html.Line($"</table></div>").Line($"</section>");
    }

    private static void AddRow(Html html, ModelResult model, MetricsLog? metrics)
    {
        html.Add($"<tr><th scope='row'>{model.Name}</th>")
            .Add($"<td>{NumberText.Compact(model.ParametersTotal)}</td><td>{NumberText.Compact(model.ParametersActive)}</td>");
        if (model.TrainingTokens == 0)
        {
            html.Line($"<td colspan='5' class='untrained'>not trained</td></tr>");
            return;
        }

        var peak = metrics?.FractionOfPeak ?? double.NaN;
        html.Add($"<td>{NumberText.Compact(model.TrainingTokens)}</td><td>{NumberText.Duration(model.CoreSeconds)}</td>")
            .Add($"<td>{NumberText.Fixed(model.TokensPerSecond, 0)}</td>")
            .Add($"<td>{(double.IsFinite(peak) ? $"{NumberText.Share(peak)}\u2009%" : NumberText.Missing)}</td>")
            .Line($"<td>{NumberText.Compact(model.Flops)}</td></tr>");
    }
}
