using System.Globalization;
using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>A table of layers, or of moments, by experts whose cells are shaded by their value and say it, too.</summary>
internal static class HeatMap
{
    private const int Shades = 12;

    // Up to here two maps fit side by side on a phone.
    private const int MostNarrow = 5;

    /// <summary>The end of a scale, from the largest value that it is to show.</summary>
    public static double ScaleEnd(double largest) => Math.Max(Math.Ceiling(largest * 10) / 10, 0.1);

    /// <summary>Appends panels side by side, under a title.</summary>
    public static void AddAll(Html html, string title, IReadOnlyList<HeatMapPanel> panels, double scaleEnd)
    {
        if (panels.Count == 0) return;
        html.Line($"<h4>{title}</h4>").Line($"<div class='{(panels[0].Experts.Count > MostNarrow ? "maps wide" : "maps")}'>");
        foreach (var panel in panels) Add(html, panel, scaleEnd);
        html.Line($"</div>");
    }

    /// <summary>Appends one panel; the fraction <paramref name="scaleEnd"/> has the strongest shade.</summary>
    public static void Add(Html html, HeatMapPanel panel, double scaleEnd)
    {
        html.Add($"<figure><table class='heat'><caption>{panel.Caption}</caption>")
            .Add($"<thead><tr><th scope='col'>{panel.RowsTitle}</th>");
        foreach (var expert in panel.Experts)
        {
            var own = expert.Domain is not null && expert.Domain == panel.Domain ? "own" : "";
            html.Add($"<th scope='col' class='{own}' title='{expert.Name}'>{expert.Domain ?? expert.Name}</th>");
        }

        html.Line($"</tr></thead><tbody>");
        for (var row = 0; row < panel.Values.Length; row++)
        {
            html.Add($"<tr><th scope='row'>{panel.Rows?[row] ?? row.ToString(CultureInfo.InvariantCulture)}</th>");
            foreach (var value in panel.Values[row])
                html.Add($"<td class='{Shade(value, scaleEnd)}'>{NumberText.Share(value)}</td>");
            html.Line($"</tr>");
        }

        html.Line($"</tbody></table></figure>");
    }

    /// <summary>Appends the scale that says which shade is how much.</summary>
    public static void AddScale(Html html, double scaleEnd)
    {
        html.Add($"<p class='scale' aria-hidden='true'><span>0</span>");
        for (var shade = 0; shade < Shades; shade++) html.Add($"<i class='h{shade}'></i>");
        html.Line($"<span>{NumberText.Share(scaleEnd)}\u2009%</span></p>");
    }

    private static string Shade(double value, double scaleEnd) => string.Create(
        CultureInfo.InvariantCulture, $"h{Math.Clamp((int)(value / scaleEnd * Shades), 0, Shades - 1)}");
}

/// <summary>
/// One expert of a <see cref="HeatMap"/>: the model behind it, or its number, and the domain that the model was trained on, if
/// any.
/// </summary>
internal sealed record HeatMapColumn(string Name, string? Domain)
{
    /// <summary>The first experts of a mixture.</summary>
    public static IReadOnlyList<HeatMapColumn> Of(ModelResult mixture, IReadOnlyList<ModelResult> models, int count) =>
        [.. Enumerable.Range(0, count).Select(expert =>
        {
            var name = mixture.Experts?.ElementAtOrDefault(expert) ?? expert.ToString(CultureInfo.InvariantCulture);
            return new HeatMapColumn(name, models.FirstOrDefault(model => model.Name == name)?.Domain);
        })];
}

/// <summary>One <see cref="HeatMap"/> of fractions [rows, experts], for the tokens of one domain, or of all if null.</summary>
internal sealed record HeatMapPanel(string Caption, string? Domain, double[][] Values, IReadOnlyList<HeatMapColumn> Experts)
{
    /// <summary>What the rows are.</summary>
    public string RowsTitle { get; init; } = "layer";

    /// <summary>The rows' names; their numbers, from 0, when null.</summary>
    public IReadOnlyList<string>? Rows { get; init; }
}
