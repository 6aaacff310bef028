using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>The main table: perplexity of every model on every domain.</summary>
internal static class PerplexityTable
{
    /// <summary>Appends the section.</summary>
    public static void Add(Html html, ReportData data)
    {
        html.Line($"<section id='perplexity'>")
            .Line($"<h2>Perplexity by domain</h2>")
            .Add($"<p>How many tokens the model hesitates between, on held-out text of each domain: lower is better. ")
            .Add($"The <b class='best'>best</b> of each column is marked");
        if (data.Results.Models.Any(model => model.Kind == ModelKind.Expert))
            html.Add($", and a specialised model’s <span class='own'>own domain</span> is shaded");
        if (data.Baseline is { } baseline) html.Add($". Small numbers are the change against {baseline.Name}");
        html.Line($".</p>");
        var largest = data.Results.Models.SelectMany(model => model.Perplexity.Values).Where(double.IsFinite).DefaultIfEmpty(0).Max();
        new DomainTable
        {
            Caption = "Perplexity by model and domain",
            Groups = data.Groups,
            Columns = ModelFigure.Perplexities(data.Results.Domains),
            Decimals = largest < 1000 ? 2 : 1,
            Baseline = data.Baseline,
        }.Add(html);
        html.Line($"</section>");
    }
}
