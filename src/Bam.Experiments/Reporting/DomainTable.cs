using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>A table of models by domains in which lower is better: the lowest value of each column is marked.</summary>
internal sealed class DomainTable
{
    /// <summary>What the numbers are, for the table's caption.</summary>
    public required string Caption { get; init; }

    /// <summary>The rows, in groups; one without a title has no heading.</summary>
    public required IReadOnlyList<(string Title, IReadOnlyList<ModelResult> Models)> Groups { get; init; }

    /// <summary>The columns.</summary>
    public required IReadOnlyList<ModelFigure> Columns { get; init; }

    /// <summary>Digits behind the decimal point.</summary>
    public required int Decimals { get; init; }

    /// <summary>The model that changes are printed against; null for none.</summary>
    public ModelResult? Baseline { get; init; }

    /// <summary>A model's figure in every run of a study; the model's own figure by default.</summary>
    public Func<ModelResult, ModelFigure, Sample> Samples { get; init; } = (model, column) => new Sample([column.Value(model)]);

    /// <summary>The figure that the paper prints; NaN where it prints none.</summary>
    public Func<ModelResult, ModelFigure, double> Paper { get; init; } = (_, _) => double.NaN;

    /// <summary>Appends the table.</summary>
    public void Add(Html html)
    {
        html.Line($"<div class='scroll' role='region' tabindex='0' aria-label='{Caption}'>")
            .Line($"<table class='domains'><caption>{Caption}</caption>")
            .Add($"<thead><tr><th scope='col'>Model</th>");
        foreach (var column in Columns) html.Add($"<th scope='col'>{column.Title}</th>");
        html.Line($"</tr></thead>");
        var all = Groups.SelectMany(group => group.Models).ToList();
        var best = Columns.Select(column => Lowest(all.Select(model => Samples(model, column).Mean))).ToList();
        foreach (var (title, models) in Groups)
        {
            html.Line($"<tbody>");
            if (title.Length > 0)
                html.Line($"<tr class='group'><th scope='rowgroup' colspan='{Columns.Count + 1}'>{title}</th></tr>");
            foreach (var model in models) AddRow(html, model, best);
            html.Line($"</tbody>");
        }

        AddTokens(html, all);
        html.Line($"</table></div>");
    }

    private void AddRow(Html html, ModelResult model, List<double> best)
    {
        html.Add($"<tr><th scope='row'>{model.Name}");
        if (model.Budget is { } budget) html.Add($"<small>{budget}</small>");
        html.Add($"</th>");
        for (var i = 0; i < Columns.Count; i++)
        {
            var column = Columns[i];
            var sample = Samples(model, column);
            var isBest = sample.Mean == best[i];
            var isOwn = column.Domain is not null && column.Domain == model.Domain;
            html.Add($"<td class='{(isBest ? "best " : "")}{(isOwn ? "own" : "")}'>{NumberText.Fixed(sample.Mean, Decimals)}");
            if (isBest) html.Add($"<span class='spoken'> (best)</span>");
            if (sample.Count > 1) html.Add($"<small>±\u2009{NumberText.Fixed(sample.StandardDeviation, Decimals)}</small>");
            var changes = Baseline is not null && Baseline != model ? ChangesOf(sample, Samples(Baseline, column)) : null;
            if (changes is not null) ChangeText.Add(html, changes);
            AddPaper(html, model, column, changes);
            html.Add($"</td>");
        }

        html.Line($"</tr>");
    }

    private static double Lowest(IEnumerable<double> values) => values.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Min();

    private static Sample ChangesOf(Sample sample, Sample baseline) =>
        Sample.Paired(sample, baseline, (ours, theirs) => (ours / theirs) - 1);

    private void AddPaper(Html html, ModelResult model, ModelFigure column, Sample? ours)
    {
        var paper = Paper(model, column);
        if (!double.IsFinite(paper)) return;
        html.Add($"<small class='paper'>paper {paper.ToString(CultureInfo.InvariantCulture)}");
        if (ours is not null && Baseline is not null && Paper(Baseline, column) is var baseline && double.IsFinite(baseline))
        {
            html.Add($", {NumberText.Change(paper / baseline)}");
            if (Math.Sign(paper - baseline) * Math.Sign(ours.Mean) < 0) html.Add($" <b>other sign</b>");
        }

        html.Add($"</small>");
    }

    private void AddTokens(Html html, List<ModelResult> models)
    {
        var counts = Columns.Select(column => models.Select(column.Tokens).Distinct().ToList()).ToList();
        if (!counts.Exists(count => count is [> 0])) return;
        html.Add($"<tfoot><tr><th scope='row'>Held-out tokens</th>");
        foreach (var count in counts) html.Add($"<td>{(count is [> 0] ? NumberText.Compact(count[0]) : "")}</td>");

        html.Line($"</tr></tfoot>");
    }
}
