using Bam.Experiments.Phases;
using Bam.Experiments.Studies;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Draws what a run would do.</summary>
internal static class PlanView
{
    /// <summary>Draws each unit's phases; a finished unit takes one line.</summary>
    public static void Draw(IAnsiConsole console, IReadOnlyList<PlannedUnit> units)
    {
        foreach (var unit in units)
        {
            var title = $"{ResultText.Label(unit.Study)}, seed {unit.Seed}";
            if (unit.IsFinished)
            {
                console.MarkupLine($"{title}: [grey]keep[/], its figures are there");
                continue;
            }

            var table = Table("phase").Title(title).LeftAligned();
            foreach (var phase in unit.Phases) AddRow(table, phase, ResultText.Label(phase.Phase.Title));
            console.Write(table);
        }
    }

    private static Table Table(string first) => new Table().Border(TableBorder.Simple).AddColumn(first).AddColumn("").AddColumn("why");

    private static void AddRow(Table table, PlannedPhase phase, string title)
    {
        var (word, color) = phase.State switch
        {
            PhaseState.Finished => ("keep", "grey"),
            PhaseState.Interrupted => ("go on", "yellow"),
            _ => ("run", "green"),
        };
        table.AddRow(title, $"[{color}]{word}[/]", ResultText.Label(phase.Reason));
    }
}
