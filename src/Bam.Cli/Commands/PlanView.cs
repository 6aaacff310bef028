using Bam.Experiments.Phases;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Draws what a run would do.</summary>
internal static class PlanView
{
    public static void Draw(IAnsiConsole console, IReadOnlyList<PlannedPhase> plan)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("phase").AddColumn("").AddColumn("why");
        foreach (var phase in plan)
        {
            var (word, color) = phase.State switch
            {
                PhaseState.Finished => ("keep", "grey"),
                PhaseState.Interrupted => ("go on", "yellow"),
                _ => ("run", "green"),
            };
            table.AddRow(Markup.Escape(phase.Phase.Title), $"[{color}]{word}[/]", Markup.Escape(phase.Reason));
        }

        console.Write(table);
    }
}
