using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>Every model on every probe: bits per byte, which compare between probes, and perplexity.</summary>
internal static class ProbeTables
{
    /// <summary>What a reader must know.</summary>
    public const string Reading =
        "Text that no model was trained for: of other kinds, corrupted, or with the domain changing inside a window. Bits per byte compare "
        + "between columns, and between a domain’s text and the same text corrupted; perplexities do not, as corrupted text becomes more and "
        + "shorter tokens.";

    /// <summary>Appends the section, if the run has probes.</summary>
    public static void Add(Html html, ReportData data)
    {
        if (data.Results.Probes.Count == 0) return;
        html.Line($"<section id='probes'>")
            .Line($"<h2>Beyond the domains</h2>")
            .Line($"<p>{Reading}</p>");
        Table("Bits per byte by model and probe", data, probe => probe.BitsPerByte, decimals: 3).Add(html);
        Table("Perplexity by model and probe", data, probe => probe.Perplexity, decimals: 1).Add(html);
        html.Line($"</section>");
    }

    private static DomainTable Table(string caption, ReportData data, Func<ProbeResult, double> select, int decimals) => new()
    {
        Caption = caption,
        Groups = data.Groups,
        Columns = ModelFigure.OfProbes(data.Results.Probes, select),
        Decimals = decimals,
        Baseline = data.Baseline,
    };
}
