using System.Globalization;
using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>The machine and the recipe: what it takes to run the experiment again.</summary>
internal static class RunDetails
{
    private const double Gibibyte = 1L << 30;

    /// <summary>Appends both sections.</summary>
    public static void Add(Html html, Results results)
    {
        var machine = results.Machine;
        html.Line($"<section id='machine'>")
            .Line($"<h2>Machine</h2>")
            .Line($"<dl>")
            .Line($"<div><dt>Processor</dt><dd>{machine.Cpu}, {Count(machine.Cores, "core")}</dd></div>")
            .Line($"<div><dt>Memory</dt><dd>{NumberText.Fixed(machine.Memory / Gibibyte, 1)}\u2009GiB</dd></div>")
            .Line($"<div><dt>libtorch</dt><dd>{machine.Libtorch}, {Count(machine.Threads, "thread")}</dd></div>")
            .Line($"<div><dt>BLAS</dt><dd>{machine.Blas}</dd></div>")
            .Line($"</dl>")
            .Line($"</section>")
            .Line($"<section id='recipe'>")
            .Line($"<h2>Recipe</h2>")
            .Line($"<p>Everything that defines the run, with the defaults written out. Saved as a file, it runs the experiment again.</p>")
            .Line($"<details><summary>The resolved recipe</summary>")
            .Line($"<pre tabindex='0'><code>{results.ResolvedRecipe.TrimEnd()}</code></pre></details>")
            .Line($"</section>");
    }

    private static string Count(int count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
