using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Files;

namespace Bam.Experiments.Reporting;

/// <summary>
/// The report of a finished run: one HTML file without scripts or outside references, made from <c>results.json</c> and the
/// models' <c>metrics.jsonl</c>. The same inputs give the same bytes.
/// </summary>
internal static class Report
{
    /// <summary>The file name inside a run directory.</summary>
    public const string FileName = "report.html";

    /// <summary>Draws the report of a run.</summary>
    /// <param name="runDirectory">A run's root, with its results.</param>
    /// <param name="outputPath">Where to write; <see cref="FileName"/> in the run's root when null.</param>
    /// <returns>The file written.</returns>
    /// <exception cref="InvalidInputException">The results are missing or damaged, or a model's metrics are.</exception>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public static string Write(string runDirectory, string? outputPath = null)
    {
        var results = Results.Load(runDirectory);
        var metrics = results.Models
            .Where(model => model.Metrics is not null)
            .ToDictionary(model => model.Name, model => MetricsLog.Load(Path.Combine(runDirectory, model.Metrics!)));
        outputPath ??= Path.Combine(runDirectory, FileName);
        OutputPath.RequireFile(outputPath, "an older report to replace", HtmlPage.IsOne, []);
        AtomicFile.WriteText(outputPath, Render(new(results, metrics)));
        return outputPath;
    }

    private static string Render(ReportData data)
    {
        var results = data.Results;
        var body = new Html();
        AddHeader(body, data);
        PerplexityTable.Add(body, data);
        PerplexityChange.Add(body, data);
        ClaimList.Add(body, results);
        LossCurves.Add(body, data);
        RoutingMaps.Add(body, data);
        CostTable.Add(body, data.Groups, data.Metrics.ToDictionary(model => model.Key, model => model.Value.FractionOfPeak));
        BitsPerByteTable.Add(body, data);
        ProbeTables.Add(body, data);
        RunDetails.Add(body, results);
        return HtmlPage.Of($"{results.Recipe} · Bam report", body);
    }

    private static void AddHeader(Html html, ReportData data)
    {
        var results = data.Results;
        var date = results.Created.ToUniversalTime();
        html.Line($"<header>")
            .Line($"<p class='product'>Bam experiment</p>")
            .Line($"<h1>{results.Recipe}</h1>")
            .Add($"<p class='date'><time datetime='{date.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)}'>")
            .Add($"{date.ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture)} UTC</time>\u00a0· {results.Models.Count} models\u00a0· ")
            .Line($"{results.Domains.Count} domains\u00a0· {results.Machine.Threads} threads on {results.Machine.Cpu}</p>");
        AddSummary(html, data);
        html.Line($"</header>");
    }

    private static void AddSummary(Html html, ReportData data)
    {
        var best = data.Results.Models.Where(model => double.IsFinite(model.MeanPerplexity)).MinBy(model => model.MeanPerplexity);
        if (best is null) return;
        html.Add($"<p class='summary'>The lowest mean perplexity is <strong>{NumberText.Fixed(best.MeanPerplexity, 2)}</strong>, by ")
            .Add($"<strong>{best.Name}</strong>");
        if (data.Baseline is { } baseline && baseline != best)
            html.Add($", {NumberText.Change(best.MeanPerplexity / baseline.MeanPerplexity)} against {baseline.Name}");
        var claims = data.Results.Claims;
        if (claims.Count > 0)
            html.Add($". {claims.Count(claim => claim.Held)} of {claims.Count} <a href='#claims'>claims</a> held");
        html.Line($".</p>");
    }
}
