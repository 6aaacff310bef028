using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>What the experiment was to show, and whether it did.</summary>
internal static class ClaimList
{
    /// <summary>Appends the section, if anything was claimed.</summary>
    public static void Add(Html html, Results results)
    {
        if (results.Claims.Count == 0) return;
        html.Line($"<section id='claims'>")
            .Line($"<h2>Claims</h2>")
            .Line($"<p>What this recipe set out to show, checked against the perplexities above.</p>")
            .Line($"<ul class='claims'>");
        foreach (var claim in results.Claims)
        {
            var (css, verdict) = claim.Held ? ("held", "held") : ("failed", "not held");
            html.Add($"<li class='{css}'><span class='verdict'>{verdict}</span> <span class='claim'>{claim.Text}</span>")
                .Line($" <small>{claim.Detail}</small></li>");
        }

        html.Line($"</ul>").Line($"</section>");
    }
}
