using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>Where and when each unit of a study was measured: units may come from different machines.</summary>
internal static class UnitTable
{
    private const double Gibibyte = 1L << 30;

    /// <summary>Appends the section.</summary>
    public static void Add(Html html, Study study)
    {
        var machines = study.Units.Select(unit => unit.Machine).Distinct().Count();
        html.Line($"<section id='units'>")
            .Line($"<h2>Units</h2>")
            .Add($"<p>Each seed number is one unit. Wall time is that of the phases behind it, each counted once, also those that it shares with ")
            .Line($"other units and studies, and of an interrupted training at least the time inside its steps.{(machines > 1 ? " The units come from different machines: their times do not compare." : "")}</p>")
            .Line($"<div class='scroll' role='region' tabindex='0' aria-label='Units'>")
            .Line($"<table class='costs words'><caption>Units by seed number</caption>")
            .Add($"<thead><tr><th scope='col'>Seed</th><th scope='col'>Wall time</th><th scope='col'>Finished (UTC)</th><th scope='col'>Processor</th>")
            .Line($"<th scope='col'>Threads</th><th scope='col'>Memory</th><th scope='col'>libtorch</th><th scope='col'>BLAS</th></tr></thead><tbody>");
        foreach (var unit in study.Units) AddUnit(html, unit);
        foreach (var seed in study.MissingSeeds)
            html.Line($"<tr><th scope='row'>{Text(seed)}</th><td colspan='7' class='untrained'>not finished</td></tr>");
        html.Line($"</tbody></table></div>").Line($"</section>");
    }

    private static void AddUnit(Html html, Results unit)
    {
        var machine = unit.Machine;
        html.Add($"<tr><th scope='row'>{Text(unit.RandomSeed)}</th><td>{NumberText.Duration(unit.Seconds)}</td>")
            .Add($"<td>{unit.Created.ToUniversalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)}</td>")
            .Add($"<td>{machine.Cpu}, {machine.Cores} cores</td><td>{machine.Threads}</td><td>{NumberText.Fixed(machine.Memory / Gibibyte, 1)}\u2009GiB</td>")
            .Line($"<td>{machine.Libtorch}</td><td>{machine.Blas}</td></tr>");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
