using Bam.Evaluation;
using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>The latency of models at each size that was measured.</summary>
internal static class LatencyTables
{
    private const double Megabyte = 1e6;

    /// <summary>Appends the section, if the recipe measures latency.</summary>
    public static void Add(Html html, Study study)
    {
        if (study.Recipe.Latency is not { } latency) return;
        html.Line($"<section id='latency'>")
            .Line($"<h2>Latency</h2>")
            .Add($"<p>Seconds to generate {latency.NewTokens} tokens after a prompt of {latency.PromptTokens} tokens, for one ")
            .Add($"sequence: medians of {latency.Runs} alternating runs, for the prompt (prefill), the new tokens (decode) ")
            .Add($"and both; and the memory of keys and values. ")
            .Line($"Small coloured numbers are the change against {latency.Models[0]}.</p>");
        var sizes = study.Units.SelectMany(unit => unit.Models).SelectMany(model => model.Latency?.Keys ?? []).Distinct();
        foreach (var size in sizes) AddSize(html, study, latency, size);
        html.Line($"</section>");
    }

    private static void AddSize(Html html, Study study, RecipeLatency latency, string size)
    {
        var caption = size == "own" ? "At the study's own sizes" : $"At the sizes of {size}, with random weights";
        var table = new RecipeTable
        {
            Title = caption,
            Models = latency.Models,
            Against = latency.Models[0],
            Paper = latency.Paper.ToDictionary(model => model.Key, model => Total(model.Value)),
        };
        IReadOnlyList<ModelFigure> figures =
        [
            Figure("prefill", result => result.Prefill.Median),
            Figure("decode", result => result.Decode.Median),
            Figure("total", result => result.Total.Median),
            Figure("MB of keys and values", result => result.CacheBytes / Megabyte),
        ];
        html.Line($"<h3>{caption}</h3>");
        FigureTables.AddFigures(html, study, table, caption, figures, 3);

        static IReadOnlyDictionary<string, double> Total(double seconds) =>
            new Dictionary<string, double> { ["total"] = seconds };

        ModelFigure Figure(string title, Func<LatencyResult, double> select) =>
            new(title, null, model => model.Latency?.GetValueOrDefault(size) is { } result ? select(result) : double.NaN);
    }
}
