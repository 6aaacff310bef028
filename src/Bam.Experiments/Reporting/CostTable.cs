using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>Sizes and training costs of models.</summary>
internal static class CostTable
{
    /// <summary>Appends the section; the fraction of the machine's matrix peak only if it was measured.</summary>
    public static void Add(Html html, Study study)
    {
        var groups = ModelGroups.Of(study.MeanModels);
        var hasPeak = study.Models.Any(model => model.FractionOfPeak is not null);
        html.Line($"<section id='costs'>")
            .Line($"<h2>Sizes and costs</h2>")
            .Add($"<p>Total parameters, and active parameters: those used for one token. Core time is the wall time of ")
            .Add($"training steps × threads, for the model’s own training only. FLOPs count the forward and backward pass of ")
            .Add($"all layers and the head.")
            .Line($"{(hasPeak ? " The peak is the rate of a matrix product measured in the same run." : "")}</p>")
            .Line($"<div class='scroll' role='region' tabindex='0' aria-label='Sizes and training costs'>")
            .Line($"<table class='costs'><caption>Sizes and training costs by model</caption>")
            .Add($"<thead><tr><th scope='col'>Model</th><th scope='col'>Total</th><th scope='col'>Active</th>")
            .Add($"<th scope='col'>Tokens</th><th scope='col'>Core time</th><th scope='col'>Tokens/s</th>");
        if (hasPeak) html.Add($"<th scope='col'>of peak</th>");
        html.Line($"<th scope='col'>FLOPs</th></tr></thead>");
        foreach (var (title, models) in groups)
        {
            html.Line($"<tbody><tr class='group'><th scope='rowgroup' colspan='{(hasPeak ? 8 : 7)}'>{title}</th></tr>");
            foreach (var model in models) AddRow(html, model, hasPeak);
            html.Line($"</tbody>");
        }

        html.Line($"</table></div>").Line($"</section>");
    }

    private static void AddRow(Html html, ModelResult model, bool hasPeak)
    {
        html.Add($"<tr><th scope='row'>{model.Name}</th>")
            .Add($"<td>{NumberText.Compact(model.ParametersTotal)}</td><td>{NumberText.Compact(model.ParametersActive)}</td>");
        if (model.TrainingTokens == 0)
        {
            html.Line($"<td colspan='{(hasPeak ? 5 : 4)}' class='untrained'>not trained</td></tr>");
            return;
        }

        html.Add($"<td>{NumberText.Compact(model.TrainingTokens)}</td><td>{NumberText.Duration(model.CoreSeconds)}</td>")
            .Add($"<td>{NumberText.Fixed(model.TokensPerSecond, 0)}</td>");
        if (hasPeak)
            html.Add($"<td>{(model.FractionOfPeak is { } peak ? $"{NumberText.Share(peak)}\u2009%" : NumberText.Missing)}</td>");
        html.Line($"<td>{NumberText.Compact(model.Flops)}</td></tr>");
    }
}
