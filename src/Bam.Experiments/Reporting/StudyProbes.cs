using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>A study's models on text beyond the domains.</summary>
internal static class StudyProbes
{
    /// <summary>Appends the section, if the recipe has probes.</summary>
    public static void Add(Html html, Study study)
    {
        var probes = study.Units[0].Probes;
        if (probes.Count == 0) return;
        html.Line($"<section id='probes'>").Line($"<h2>Beyond the domains</h2>").Line($"<p>{ProbeTables.Reading}</p>");
        var table = study.Tables[0];
        StudyTables.AddFigures(html, study, table, "Bits per byte by model and probe", ModelFigure.OfProbes(probes, probe => probe.BitsPerByte), 3);
        StudyTables.AddFigures(html, study, table, "Perplexity by model and probe", ModelFigure.OfProbes(probes, probe => probe.Perplexity), 1);
        html.Line($"</section>");
    }
}
