using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>Bars by domain: how each model's perplexity differs from the seed's.</summary>
internal static class ChangeBars
{
    private const double Width = 264;
    private const double RowHeight = 20;
    private const double Top = 6;
    private const double CharacterWidth = 6.4;
    private const double ValueWidth = 48;
    private const int LongestName = 16;

    /// <summary>Appends the section, if there is a seed to compare with.</summary>
    public static void Add(Html html, Study study)
    {
        var all = ModelGroups.Of(study.MeanModels).SelectMany(group => group.Models).ToList();
        if (all.Find(model => model.Kind == ModelKind.Seed) is not { } seed) return;
        var models = all.Where(model => model != seed).ToList();
        if (models.Count == 0) return;
        html.Line($"<section id='change'>")
            .Line($"<h2>Change from the seed</h2>")
            .Add($"<p>Perplexity on each domain relative to {seed.Name}, from which all other models are derived. Bars to the ")
            .Add($"left are better, bars to the right are worse; the scale is logarithmic. A specialised model should improve ")
            .Line($"on its own domain and get worse on the others; a mixture should improve on all of these domains.</p>")
            .Line($"<div class='panels bars'>");
        var changes = models.SelectMany(model => study.Domains, (model, domain) => LogRatio(model, seed, domain))
            .Where(double.IsFinite).ToList();
        var labelWidth = models.Max(model => Math.Min(model.Name.Length, LongestName)) * CharacterWidth;
        // Never so narrow that noise fills the panel.
        var axis = Axis.Exact(
            Math.Min(changes.DefaultIfEmpty(0).Min(), -0.05), Math.Max(changes.DefaultIfEmpty(0).Max(), 0.05),
            labelWidth + 8, Width - ValueWidth, ticks: 4);
        foreach (var domain in study.Domains) AddPanel(html, domain, models, seed, axis);
        html.Line($"</div>").Line($"</section>");
    }

    private static void AddPanel(Html html, string domain, List<ModelResult> models, ModelResult seed, Axis axis)
    {
        var height = Top + (models.Count * RowHeight) + 4;
        var changes = models.Select(model => $"{model.Name} {NumberText.Change(Math.Exp(LogRatio(model, seed, domain)))}");
        var description = $"Perplexity on {domain} against {seed.Name}: {string.Join(", ", changes)}";
        html.Line($"<figure><figcaption>{domain}</figcaption>")
            .Line($"<svg viewBox='0 0 {Width} {height}' role='img' aria-label='{description}'>")
            .Line($"<line class='zero' x1='{axis[0]}' x2='{axis[0]}' y1='0' y2='{height}'/>");
        for (var i = 0; i < models.Count; i++)
        {
            var model = models[i];
            var middle = Top + ((i + 0.5) * RowHeight);
            var own = model.Domain == domain;
            html.Add($"<g><title>{model.Name}: {NumberText.Change(Math.Exp(LogRatio(model, seed, domain)))}</title>")
                .Add($"<text class='{(own ? "name own" : "name")}' x='0' y='{middle + 4}'>")
                .Add($"{NumberText.Shorten(model.Name, LongestName)}</text>");
            AddBar(html, axis, LogRatio(model, seed, domain), middle);
            html.Line($"</g>");
        }

        html.Line($"</svg></figure>");
    }

    private static void AddBar(Html html, Axis axis, double change, double middle)
    {
        if (!double.IsFinite(change)) return;
        var (left, right) = (axis[Math.Min(change, 0)], axis[Math.Max(change, 0)]);
        html.Add($"<rect class='{(change < 0 ? "better" : "worse")}' ")
            .Add($"x='{left}' y='{middle - 6}' width='{right - left}' height='12'/>")
            .Add($"<text class='value end' x='{Width}' y='{middle + 4}'>{NumberText.Change(Math.Exp(change))}</text>");
    }

    private static double LogRatio(ModelResult model, ModelResult seed, string domain) =>
        Math.Log(model.Perplexity.GetValueOrDefault(domain, double.NaN) / seed.Perplexity.GetValueOrDefault(domain, double.NaN));
}
