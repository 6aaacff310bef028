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

    /// <summary>Appends one panel.</summary>
    /// <param name="html">Receives it.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="scaleEnd">The fraction that has the strongest shade.</param>
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

/// <summary>One expert of a <see cref="HeatMap"/>.</summary>
/// <param name="Name">The model behind the expert, or the expert's number.</param>
/// <param name="Domain">The domain that the model was trained on; null for none.</param>
internal sealed record HeatMapColumn(string Name, string? Domain)
{
    /// <summary>The first experts of a mixture.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="models">All models.</param>
    /// <param name="count">How many experts there are.</param>
    public static IReadOnlyList<HeatMapColumn> Of(ModelResult mixture, IReadOnlyList<ModelResult> models, int count) =>
        [.. Enumerable.Range(0, count).Select(expert =>
        {
            var name = mixture.Experts?.ElementAtOrDefault(expert) ?? expert.ToString(CultureInfo.InvariantCulture);
            return new HeatMapColumn(name, models.FirstOrDefault(model => model.Name == name)?.Domain);
        })];
}

/// <summary>One <see cref="HeatMap"/>.</summary>
/// <param name="Caption">What it shows.</param>
/// <param name="Domain">Whose tokens these are; null for all.</param>
/// <param name="Values">[rows, experts] fractions.</param>
/// <param name="Experts">The columns.</param>
internal sealed record HeatMapPanel(string Caption, string? Domain, double[][] Values, IReadOnlyList<HeatMapColumn> Experts)
{
    /// <summary>What the rows are.</summary>
    public string RowsTitle { get; init; } = "layer";

    /// <summary>The rows' names; their numbers, from 0, when null.</summary>
    public IReadOnlyList<string>? Rows { get; init; }
}
