using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Bam.Files;

namespace Bam.Experiments.Reporting;

/// <summary>
/// The page of a study: one HTML file without scripts or outside references, made from its units' figures alone. The same figures
/// give the same bytes.
/// </summary>
internal static class StudyReport
{
    /// <summary>Draws the page.</summary>
    /// <param name="study">The study, with as many units as are finished.</param>
    /// <param name="path">The file to write.</param>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public static void Write(Study study, string path)
    {
        ArgumentNullException.ThrowIfNull(study);
        AtomicFile.WriteText(path, Render(study));
    }

    private static string Render(Study study)
    {
        var body = new Html();
        AddHeader(body, study);
        if (study.Units.Count > 0)
        {
            StudyTables.Add(body, study);
            StudyProbes.Add(body, study);
            StudyLatency.Add(body, study);
            ClaimTable.Add(body, study);
            StudyCurves.Add(body, study);
            CostScatter.Add(body, study);
            StudyRouting.Add(body, study);
            StabilityTable.Add(body, study);
            BudgetTable.Add(body, study);
            CostTable.Add(body, ModelGroups.Of(study.MeanModels), peaks: null);
            StudyTables.AddBitsPerByte(body, study);
            UnitTable.Add(body, study);
        }

        AddRecipe(body, study);
        return HtmlPage.Of($"{study.Title} · Bam study", body);
    }

    private static void AddHeader(Html html, Study study)
    {
        html.Line($"<header>")
            .Line($"<p class='product'>Bam study {study.Name}</p>")
            .Line($"<h1>{study.Title}</h1>")
            .Line($"<p class='date'>{SeedText.Of(study)}{DateOf(study)}</p>");
        if (study.Recipe.About.Length > 0) html.Line($"<p class='summary'>{study.Recipe.About}</p>");
        var statistics = study.Units.Count switch
        {
            0 => "No unit is finished yet: there is nothing to show.",
            1 => "One seed number is finished: there are no intervals, and no difference can be told from chance.",
            var count => string.Create(
                CultureInfo.InvariantCulture,
                $"Figures are means ± standard deviations over the {count} seed numbers; changes have the half-width of the paired 95 % t-interval behind ±."),
        };
        html.Line($"<p class='reading'>{statistics}</p>");
        AddWarning(html, study);
        html.Line($"</header>");
    }

    /// <summary>Appends what makes the study's figures doubtful, if anything does.</summary>
    internal static void AddWarning(Html html, Study study)
    {
        if (TextDifference.InWords(TextDifference.Of(study)) is { } text) html.Line($"<p class='warning'>Warning: {text}.</p>");
    }

    private static string DateOf(Study study) => study.Units.Count == 0
        ? ""
        : $"\u00a0· {study.Units.Max(unit => unit.Created).ToUniversalTime().ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture)} UTC";

    private static void AddRecipe(Html html, Study study) => html
        .Line($"<section id='recipe'>")
        .Line($"<h2>Recipe and figures</h2>")
        .Add($"<p>Everything that defines the study, with the defaults written out. All figures of this page for programs: ")
        .Line($"<a href='{study.Name}.json'>{study.Name}.json</a>, <a href='{study.Name}.csv'>{study.Name}.csv</a>.</p>")
        .Line($"<details><summary>The resolved recipe</summary>")
        .Line($"<pre tabindex='0'><code>{RecipeWriter.Write(RecipePaths.Relative(study.Recipe)).TrimEnd()}</code></pre></details>")
        .Line($"</section>");
}
