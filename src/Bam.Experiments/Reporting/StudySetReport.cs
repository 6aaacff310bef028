using Bam.Experiments.Studies;
using Bam.Files;

namespace Bam.Experiments.Reporting;

/// <summary>The page of a set of studies: what was found, and a summary of each with a link to its own page.</summary>
internal static class StudySetReport
{
    /// <summary>The file name inside a run directory.</summary>
    public const string FileName = "report.html";

    /// <summary>Draws the page.</summary>
    /// <param name="set">The set.</param>
    /// <param name="studies">Its studies, whose pages lie beside this one.</param>
    /// <param name="path">The file to write.</param>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public static void Write(StudySet set, IReadOnlyList<Study> studies, string path)
    {
        ArgumentNullException.ThrowIfNull(set);
        AtomicFile.WriteText(path, Render(set, studies));
    }

    private static string Render(StudySet set, IReadOnlyList<Study> studies)
    {
        var title = set.Title ?? set.Name;
        var body = new Html();
        body.Line($"<header>")
            .Line($"<p class='product'>Bam studies</p>")
            .Line($"<h1>{title}</h1>")
            .Line($"<p class='date'>{studies.Count} studies\u00a0· {studies.Sum(study => study.Units.Count)} of {studies.Sum(study => study.Recipe.RandomSeeds.Count)} units finished</p>");
        if (set.About.Length > 0) body.Line($"<p class='summary'>{set.About}</p>");
        body.Line($"</header>");
        AddFindings(body, [.. studies.Where(study => study.Units.Count > 0 && study.Recipe.Claims.Count > 0)]);
        foreach (var study in studies) AddStudy(body, study);
        return HtmlPage.Of($"{title} · Bam studies", body);
    }

    private static void AddFindings(Html html, IReadOnlyList<Study> studies)
    {
        if (studies.Count == 0) return;
        html.Line($"<section id='found'>")
            .Line($"<h2>What was found</h2>")
            .Add($"<p>Differences of the mean perplexity over the domains, paired by seed number, with the 95 % interval of their mean. ")
            .Line($"A claim <em>holds</em> when the whole interval lies below 0, and is <em>contradicted</em> when it lies above.</p>");
        ClaimTable.AddTable(html, "All claims with their verdicts", studies, perDomain: false);
        html.Line($"</section>");
    }

    private static void AddStudy(Html html, Study study)
    {
        html.Line($"<section id='study-{study.Name}'>")
            .Line($"<h2><a href='{study.Name}.html'>{study.Title}</a></h2>")
            .Line($"<p class='progress'>{SeedText.Of(study)}</p>");
        StudyReport.AddWarning(html, study);
        if (study.Recipe.About.Length > 0) html.Line($"<p>{study.Recipe.About}</p>");
        if (study.Units.Count > 0)
        {
            html.Line($"<h3>{study.Tables[0].Title}</h3>");
            StudyTables.AddTable(html, study, study.Tables[0]);
            AddClaims(html, study);
        }

        html.Line($"</section>");
    }

    private static void AddClaims(Html html, Study study)
    {
        if (study.Recipe.Claims.Count == 0) return;
        html.Line($"<ul class='claims long'>");
        foreach (var claim in study.Claims)
        {
            var weakest = claim.Pairs.MaxBy(pair => pair.Verdict)!;
            html.Add($"<li class='{VerdictClass.Of(claim.Verdict)}'><span class='verdict'>{claim.Verdict.InWords()}</span> ")
                .Add($"<span class='claim'>{claim.Claim.Says}</span>")
                .Line($" <small>{weakest.Better} against {weakest.Worse}: {ChangeText.Of(weakest.Mean.Change)}</small></li>");
        }

        html.Line($"</ul>");
    }
}
