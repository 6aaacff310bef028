using Bam.Experiments.Studies;
using Bam.Files;

namespace Bam.Experiments.Reporting;

/// <summary>The page of a set of studies: what was found, and a summary of each with a link to its own page.</summary>
internal static class SetReport
{
    /// <summary>Writes the page into the run's root, beside the reports of its studies.</summary>
    /// <returns>The page's path.</returns>
    /// <exception cref="InvalidInputException">Another file has its name.</exception>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public static string Write(StudySet set, IReadOnlyList<Study> studies, string directory)
    {
        var path = Path.Combine(directory, StudyFiles.ReportName);
        OutputPath.RequireFile(path, "an older report to replace", HtmlPage.IsOne, []);
        AtomicFile.WriteText(path, Render(set, studies));
        return path;
    }

    private static string Render(StudySet set, IReadOnlyList<Study> studies)
    {
        var title = set.Title ?? set.Name;
        var body = new Html();
        body.Line($"<header>")
            .Line($"<p class='product'>Bam studies</p>")
            .Line($"<h1>{title}</h1>")
            .Add($"<p class='date'>{studies.Count} studies\u00a0· {studies.Sum(study => study.Units.Count)} of ")
            .Line($"{studies.Sum(study => study.Recipe.UnitSeeds.Count)} units finished</p>");
        if (set.About.Length > 0) body.Line($"<p class='summary'>{set.About}</p>");
        body.Line($"</header>");
        AddFindings(body, [.. studies.Where(study => study.Units.Count > 0 && study.Recipe.Claims.Count > 0)]);
        foreach (var study in studies) AddStudy(body, study);
        return HtmlPage.Of($"{title} · Bam report", body);
    }

    private static void AddFindings(Html html, IReadOnlyList<Study> studies)
    {
        if (studies.Count == 0) return;
        html.Line($"<section id='found'>")
            .Line($"<h2>Findings</h2>")
            .Add($"<p>Differences of the mean perplexity over the domains, paired by seed, with the 95 % interval of their ")
            .Add($"mean. A claim <em>holds</em> if the whole interval lies below 0, and is <em>contradicted</em> if it lies ")
            .Line($"above 0.</p>");
        ClaimTable.AddTable(html, "All claims with their verdicts", studies, perDomain: false, linked: true);
        html.Line($"</section>");
    }

    private static void AddStudy(Html html, Study study)
    {
        html.Line($"<section id='study-{study.Name}'>")
            .Line($"<h2><a href='{study.Name}.html'>{study.Title}</a></h2>")
            .Line($"<p class='progress'>{StudyReport.Progress(study)}</p>");
        StudyReport.AddWarning(html, study);
        if (study.Recipe.About.Length > 0) html.Line($"<p>{study.Recipe.About}</p>");
        if (study.Units.Count > 0)
        {
            html.Line($"<h3>{study.Tables[0].Title}</h3>");
            FigureTables.AddTable(html, study, study.Tables[0]);
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
            html.Add($"<li class='{ClaimTable.StyleOf(claim.Verdict)}'><span class='verdict'>{claim.Verdict.InWords()}</span> ")
                .Add($"<span class='claim'>{claim.Claim.Says}</span>")
                .Line($" <small>{weakest.Better} against {weakest.Worse}: {ChangeText.Of(weakest.Mean.Change)}</small></li>");
        }

        html.Line($"</ul>");
    }
}
