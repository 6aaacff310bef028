using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>The claims that a study is held to, with what it found: one row for each pair of models.</summary>
internal static class ClaimTable
{
    /// <summary>
    /// Appends the claims with their verdicts, or without claims the observations; nothing if there are neither.
    /// </summary>
    public static void Add(Html html, Study study)
    {
        if (study.Recipe.Claims.Count == 0)
        {
            AddObservations(html, study);
            return;
        }

        html.Line($"<section id='claims'>")
            .Line($"<h2>Claims</h2>")
            .Add($"<p>Each model of a claimed order is compared with the next by the difference of their perplexities")
            .Add($"{(study.Units.Count > 1 ? ", paired by seed" : "")}; a negative difference is as claimed.");
        if (study.Recipe.UnitSeeds.Count > 1)
        {
            html.Add($" A claim <em>holds</em> if the whole 95 % interval of the mean over the domains lies below 0, ")
                .Add($"and is <em>contradicted</em> if it lies above 0.");
        }

        html.Line($"</p>");
        var hasSeveralDomains = study.Claims.Any(claim => claim.Pairs[0].Domains.Count > 1);
        AddTable(html, "Claims and verdicts", [study], perDomain: !study.Recipe.HasOneUnit || hasSeveralDomains);
        html.Line($"</section>");
    }

    /// <summary>
    /// Appends the claims of some studies: with <paramref name="perDomain"/>, which needs studies of the same domains, a column
    /// for each domain; with <paramref name="linked"/>, links to the studies' pages.
    /// </summary>
    public static void AddTable(Html html, string caption, IReadOnlyList<Study> studies, bool perDomain, bool linked = false)
    {
        var domains = perDomain ? studies[0].Domains : [];
        html.Line($"<div class='scroll' role='region' tabindex='0' aria-label='{caption}'>")
            .Line($"<table class='domains verdicts'><caption>{caption}</caption>")
            .Add($"<thead><tr><th scope='col'>Claim</th><th scope='col' class='said'>Verdict</th>")
            .Add($"<th scope='col'>Difference</th><th scope='col'>Change</th><th scope='col'>Seeds</th>");
        foreach (var domain in domains) html.Add($"<th scope='col'>{domain}</th>");
        html.Line($"</tr></thead>");
        foreach (var study in studies)
            foreach (var claim in study.Claims) AddClaim(html, study, claim, perDomain, linked);
        html.Line($"</table></div>");
    }

    /// <summary>The style class of a verdict.</summary>
    public static string StyleOf(Verdict verdict) => verdict.IsHeld() switch
    {
        true => "held",
        false => "failed",
        null => "open",
    };

    private static void AddObservations(Html html, Study study)
    {
        if (study.Observations is not { Count: > 0 } observations) return;
        html.Line($"<section id='observations'>")
            .Line($"<h2>Observations</h2>")
            .Add($"<p>The recipe makes no claims. Experts and mixtures are compared with {observations[0].Against} ")
            .Add($"by perplexity on the experts’ domains.</p>")
            .Line($"<ul class='claims'>");
        foreach (var observation in observations)
        {
            var own = study.Of(observation.Model, observation.Figure.Value).Mean;
            var other = study.Of(observation.Against, observation.Figure.Value).Mean;
            html.Add($"<li><span class='verdict'>{observation.InWords}</span> ")
                .Add($"<span class='claim'>{observation.Model} on {observation.Figure.Title}</span> <small>")
                .Add($"{NumberText.Fixed(own, 2)} against {NumberText.Fixed(other, 2)} ")
                .Line($"({ChangeText.Of(observation.Change)})</small></li>");
        }

        html.Line($"</ul>").Line($"</section>");
    }

    // A claim about two models without a source takes one row.
    private static void AddClaim(Html html, Study study, ClaimResult claim, bool perDomain, bool linked)
    {
        html.Add($"<tbody>");
        if (claim is { Pairs: [var only], Claim.Source: null } && !linked)
        {
            AddPair(html, study, claim, only, perDomain, isAlone: true);
            html.Line($"</tbody>");
            return;
        }

        html.Add($"<tr class='claim'><th scope='rowgroup' colspan='{5 + (perDomain ? study.Domains.Count : 0)}'><div>");
        if (linked) html.Add($"<a href='{study.Name}.html#claims'>{claim.Claim.Says}</a>");
        else html.Add($"{claim.Claim.Says}");
        html.Add($"<small>{claim.Claim.Source ?? "our own hypothesis"}{(linked ? $" · {study.Title}" : "")}</small>")
            .Line($"</div></th></tr>");
        foreach (var pair in claim.Pairs) AddPair(html, study, claim, pair, perDomain, isAlone: false);
        html.Line($"</tbody>");
    }

    private static void AddPair(Html html, Study study, ClaimResult claim, ClaimedPair pair, bool perDomain, bool isAlone)
    {
        var mean = pair.Mean;
        html.Add($"<tr><th scope='row'>");
        if (isAlone) html.Add($"{claim.Claim.Says}<small>{pair.Better} &lt; {pair.Worse}</small>");
        else html.Add($"{pair.Better} &lt; {pair.Worse}");
        html.Add($"</th>")
            .Add($"<td class='said {StyleOf(pair.Verdict)}'><span class='verdict'>{pair.Verdict.InWords()}</span>");
        if (claim.Claim.Source is not null && pair.Verdict == Verdict.Contradicted)
            html.Add($"<small>our figures contradict the source</small>");
        html.Add($"</td><td>{Signed(mean.Difference.Mean)}<small>{Interval(mean.Difference)}</small></td>")
            .Add($"<td>{ChangeText.Of(mean.Change)}");
        if (claim.Claim.Domains is null) AddPaper(html, study, mean);  // the paper's mean is over all of its domains
        html.Add($"</td><td>{mean.Held} of {mean.Count}<small>{pair.DomainsHeld} of {pair.Domains.Count} domains</small></td>");
        foreach (var domain in perDomain ? study.Domains : [])
            AddDomain(html, study, pair.Domains.FirstOrDefault(comparison => comparison.Figure.Domain == domain));
        html.Line($"</tr>");
    }

    // An empty cell where the claim is not about the domain.
    private static void AddDomain(Html html, Study study, Comparison? domain)
    {
        if (domain is null)
        {
            html.Add($"<td></td>");
            return;
        }

        html.Add($"<td>{Signed(domain.Difference.Mean)}");
        ChangeText.Add(html, domain.Change);
        html.Add($"<small>{domain.Held} of {domain.Count}</small>");
        AddPaper(html, study, domain);
        html.Add($"</td>");
    }

    private static void AddPaper(Html html, Study study, Comparison ours)
    {
        var paper = QuotedFigures.Change(study.Recipe, ours.Model, ours.Against, ours.Figure);
        if (!double.IsFinite(paper)) return;
        html.Add($"<small class='paper'>paper {NumberText.Change(1 + paper)}");
        if (Math.Sign(paper) * Math.Sign(ours.Change.Mean) < 0) html.Add($" <b>other sign</b>");
        html.Add($"</small>");
    }

    private static string Interval(Sample differences) => differences.Count < 2
        ? "no interval"
        : $"{Signed(differences.Low)} to {Signed(differences.High)}";

    private static string Signed(double value) =>
        $"{(Math.Round(value, 2) > 0 ? "+" : "")}{NumberText.Fixed(value, 2)}";
}
