using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>How the routers' state correlates with perplexity.</summary>
internal static class StabilityTable
{
    /// <summary>Appends the section, if perplexities were measured during training.</summary>
    public static void Add(Html html, Study study)
    {
        var rows = RouterStability.Of(study);
        if (rows.Count == 0) return;
        html.Line($"<section id='stability'>")
            .Line($"<h2>Routers and perplexity</h2>")
            .Add($"<p>Pearson correlation of a router statistic, averaged over layers, with the mean perplexity on held-out ")
            .Add($"text, and its 95 % interval by Fisher’s z. <em>Levels</em>: the values over the course of the training, ")
            .Add($"all seeds together. Both follow the training progress, so a high correlation alone says little. ")
            .Add($"<em>Steps</em>: the changes from one point in time to the next, which removes that trend. Points of one ")
            .Add($"training are not independent, which makes the intervals too narrow. Across mixtures, each mixture at the ")
            .Line($"end of its training is one point.</p>")
            .Line($"<div class='scroll' role='region' tabindex='0' aria-label='Correlations of routers with perplexity'>")
            .Line($"<table class='costs'><caption>Correlations of routers with perplexity</caption>")
            .Add($"<thead><tr><th scope='col'>Router</th><th scope='col'>Levels</th><th scope='col'>Points</th>")
            .Line($"<th scope='col'>Steps</th><th scope='col'>Points</th></tr></thead>");
        foreach (var model in rows.GroupBy(row => row.Model))
        {
            var title = model.Key ?? "Across mixtures, at the end";
            html.Line($"<tbody><tr class='group'><th scope='rowgroup' colspan='5'>{title}</th></tr>");
            foreach (var row in model) AddRow(html, row);
            html.Line($"</tbody>");
        }

        html.Line($"</table></div>").Line($"</section>");
    }

    private static void AddRow(Html html, RouterCorrelation row)
    {
        html.Add($"<tr><th scope='row'>{row.Figure.Name}</th>");
        AddCorrelation(html, row.Levels);
        if (row.Steps is { } steps) AddCorrelation(html, steps);
        else html.Add($"<td></td><td></td>");
        html.Line($"</tr>");
    }

    private static void AddCorrelation(Html html, Correlation correlation)
    {
        var isClear = correlation.Low > 0 || correlation.High < 0;
        html.Add($"<td class='{(isClear ? "clear" : "")}'>{Signed(correlation.Coefficient)}");
        if (double.IsFinite(correlation.Low)) html.Add($"<small>{Signed(correlation.Low)} to {Signed(correlation.High)}</small>");
        html.Add($"</td><td>{correlation.Count}</td>");
    }

    private static string Signed(double value) => value > 0 ? $"+{NumberText.Fixed(value, 2)}" : NumberText.Fixed(value, 2);
}
