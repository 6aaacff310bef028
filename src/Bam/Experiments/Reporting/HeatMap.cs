using System.Globalization;

namespace Bam.Experiments.Reporting;

/// <summary>A table of layers by experts whose cells are shaded by their value and say it, too.</summary>
internal static class HeatMap
{
    private const int Shades = 12;

    /// <summary>Appends one panel.</summary>
    /// <param name="html">Receives it.</param>
    /// <param name="domain">Whose tokens these are.</param>
    /// <param name="values">[L, experts] fractions.</param>
    /// <param name="experts">The columns.</param>
    /// <param name="scaleEnd">The fraction that has the strongest shade.</param>
    public static void Add(Html html, string domain, double[][] values, IReadOnlyList<HeatMapColumn> experts, double scaleEnd)
    {
        html.Add($"<figure><table class='heat'><caption>{domain}</caption><thead><tr><th scope='col'>layer</th>");
        foreach (var expert in experts)
        {
            var own = expert.Domain == domain ? "own" : "";
            html.Add($"<th scope='col' class='{own}' title='{expert.Name}'>{expert.Domain ?? expert.Name}</th>");
        }

        html.Line($"</tr></thead><tbody>");
        for (var layer = 0; layer < values.Length; layer++)
        {
            html.Add($"<tr><th scope='row'>{layer}</th>");
            foreach (var value in values[layer])
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
