using System.Globalization;
using Bam.Experiments.Studies;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Draws what studies found: mean perplexities over their units.</summary>
internal static class StudyView
{
    public static void Draw(IAnsiConsole console, IReadOnlyList<Study> studies, string directory)
    {
        foreach (var study in studies.Where(study => study.Units.Count > 0)) console.Write(Perplexities(study));
        console.MarkupLine($"[grey]run:[/] {Markup.Escape(directory)}");
    }

    private static Table Perplexities(Study study)
    {
        var table = new Table().Border(TableBorder.Simple).Title(Markup.Escape(study.Title)).AddColumn("model");
        foreach (var domain in study.Domains.Append("mean")) table.AddColumn(new TableColumn(Markup.Escape(domain)).RightAligned());
        foreach (var model in study.Models)
        {
            table.AddRow([
                Markup.Escape(model.Name),
                .. study.Domains.Select(domain => Text(study.Of(model.Name, result => result.Perplexity[domain]))),
                Text(study.Of(model.Name, result => result.MeanPerplexity)),
            ]);
        }

        return table.Caption(string.Create(CultureInfo.InvariantCulture, $"{study.Units.Count} of {study.Recipe.RandomSeeds.Count} seeds"));
    }

    private static string Text(Sample sample) => sample.Count < 2
        ? sample.Mean.ToString("0.00", CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{sample.Mean:0.00} ± {sample.StandardDeviation:0.00}");
}
