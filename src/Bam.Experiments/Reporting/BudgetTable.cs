using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>How budgets were matched, and how well the match held.</summary>
internal static class BudgetTable
{
    /// <summary>Appends the section, if any budget was matched in cost.</summary>
    public static void Add(Html html, Study study)
    {
        var matched = study.Models.Where(model => model.Match is { By: not MatchBy.Tokens }).ToList();
        if (matched.Count == 0) return;
        html.Line($"<section id='budgets'>")
            .Line($"<h2>Compute matching</h2>")
            .Add($"<p>A matched mixture is trained for the same cost as its reference. Its token budget follows from the cost ")
            .Add($"per token: core-seconds are measured before training, in alternating runs; FLOPs are counted. Core time ")
            .Add($"ratio is the ratio of the core-seconds that the two trainings took; it is 1.00 if the match by ")
            .Line($"core-seconds was exact. Figures are means ± standard deviations over the seeds.</p>")
            .Line($"<div class='scroll' role='region' tabindex='0' aria-label='Matched budgets'>")
            .Line($"<table class='costs'><caption>Matched budgets by model</caption>")
            .Add($"<thead><tr><th scope='col'>Model</th><th scope='col'>Matched to</th><th scope='col'>Cost per token</th>")
            .Add($"<th scope='col'>Reference cost</th><th scope='col'>Ratio</th><th scope='col'>Tokens</th>")
            .Line($"<th scope='col'>Core time ratio</th></tr></thead><tbody>");
        foreach (var model in matched) AddRow(html, study, model.Name, model.Match!);
        html.Line($"</tbody></table></div>").Line($"</section>");
    }

    private static void AddRow(Html html, Study study, string model, BudgetOutcome match)
    {
        var own = study.Of(model, result => result.CoreSeconds);
        var reference = study.Of(match.Reference, result => result.CoreSeconds);
        var spent = Sample.Paired(own, reference, (ours, theirs) => ours / theirs);
        var unit = match.By == MatchBy.Flops ? "FLOPs" : "core-seconds";
        html.Add($"<tr><th scope='row'>{model}</th><td>{unit} of {match.Reference}{Threads(study, model)}</td>")
            .Add($"<td>{Cost(study.Of(model, result => result.Match?.CostPerToken ?? double.NaN), match.By)}</td>")
            .Add($"<td>{Cost(study.Of(model, result => result.Match?.ReferenceCostPerToken ?? double.NaN), match.By)}</td>");
        AddSpread(html, study.Of(model, result => result.Match?.CostRatio ?? double.NaN), value => NumberText.Fixed(value, 2));
        AddSpread(html, study.Of(model, result => result.Match?.Tokens ?? double.NaN), NumberText.Compact);
        AddSpread(html, spent, value => NumberText.Fixed(value, 2));
        html.Line($"</tr>");
    }

    /// <summary>The threads that the units were calibrated with; empty if unknown.</summary>
    private static string Threads(Study study, string model)
    {
        var threads = study.Units
            .Select(unit => unit.Models.First(result => result.Name == model).Match?.Threads)
            .OfType<int>()
            .Distinct()
            .Order()
            .ToList();
        return threads.Count == 0 ? "" : $" ({string.Join(", ", threads)} {(threads is [1] ? "thread" : "threads")})";
    }

    private static void AddSpread(Html html, Sample sample, Func<double, string> text)
    {
        html.Add($"<td>{text(sample.Mean)}");
        if (sample.Count > 1) html.Add($"<small>±\u2009{text(sample.StandardDeviation)}</small>");
        html.Add($"</td>");
    }

    private static string Cost(Sample costs, MatchBy by) => by == MatchBy.Flops
        ? $"{NumberText.Compact(costs.Mean)}FLOP"
        : $"{NumberText.Fixed(costs.Mean * 1e6, 1)}\u2009µs";
}
