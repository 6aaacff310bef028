namespace Bam.Experiments.Reporting;

/// <summary>A table of models by domains in which lower is better: the lowest value of each column is marked.</summary>
internal sealed class DomainTable
{
    /// <summary>What the numbers are, for the table's caption.</summary>
    public required string Caption { get; init; }

    /// <summary>The rows, in titled groups.</summary>
    public required IReadOnlyList<(string Title, IReadOnlyList<ModelResult> Models)> Groups { get; init; }

    /// <summary>The columns.</summary>
    public required IReadOnlyList<DomainColumn> Columns { get; init; }

    /// <summary>Digits behind the decimal point.</summary>
    public required int Decimals { get; init; }

    /// <summary>The model that changes are printed against; null for none.</summary>
    public ModelResult? Baseline { get; init; }

    /// <summary>Appends the table.</summary>
    public void Add(Html html)
    {
        html.Line($"<div class='scroll' role='region' tabindex='0' aria-label='{Caption}'>")
            .Line($"<table class='domains'><caption>{Caption}</caption>")
            .Add($"<thead><tr><th scope='col'>Model</th>");
        foreach (var column in Columns) html.Add($"<th scope='col'>{column.Title}</th>");
        html.Line($"</tr></thead>");
        var all = Groups.SelectMany(group => group.Models).ToList();
        var best = Columns.Select(column => all.Select(column.Value).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Min()).ToList();
        foreach (var (title, models) in Groups)
        {
            html.Line($"<tbody><tr class='group'><th scope='rowgroup' colspan='{Columns.Count + 1}'>{title}</th></tr>");
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
            var value = column.Value(model);
            var isBest = value == best[i];
            var isOwn = column.Domain is not null && column.Domain == model.Domain;
            html.Add($"<td class='{(isBest ? "best " : "")}{(isOwn ? "own" : "")}'>{NumberText.Fixed(value, Decimals)}");
            if (isBest) html.Add($"<span class='spoken'> (best)</span>");
            if (Baseline is not null && Baseline != model) AddChange(html, value / column.Value(Baseline));
            html.Add($"</td>");
        }

        html.Line($"</tr>");
    }

    private static void AddChange(Html html, double ratio)
    {
        if (!double.IsFinite(ratio)) return;
        var verdict = Math.Abs(ratio - 1) < 0.0005 ? "same" : ratio < 1 ? "better" : "worse";
        html.Add($"<small class='{verdict}'>{NumberText.Change(ratio)}</small>");
    }

    private void AddTokens(Html html, List<ModelResult> models)
    {
        html.Add($"<tfoot><tr><th scope='row'>Held-out tokens</th>");
        foreach (var column in Columns)
        {
            var counts = models.Select(column.Tokens).Distinct().ToList();
            html.Add($"<td>{(counts is [> 0] ? NumberText.Compact(counts[0]) : "")}</td>");
        }

        html.Line($"</tr></tfoot>");
    }
}
