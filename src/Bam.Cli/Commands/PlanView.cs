using System.Globalization;
using Bam.Experiments;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
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
                console.MarkupLine($"{title}: [grey]keep[/], its results exist");
                continue;
            }

            var table = new Table().Border(TableBorder.Simple).AddColumns("phase", "", "why").Title(title).LeftAligned();
            foreach (var phase in unit.Phases) AddRow(table, phase, ResultText.Label(phase.Phase.Title));
            console.Write(table);
        }
    }

    private static void AddRow(Table table, PlannedPhase phase, string title)
    {
        var (word, color) = phase.State switch
        {
            PhaseState.Finished => ("keep", "grey"),
            PhaseState.Interrupted => ("resume", "yellow"),
            _ => ("run", "green"),
        };
        table.AddRow(title, $"[{color}]{word}[/]", ResultText.Label(phase.Reason));
    }
}

/// <summary>The budgets that a calibration found.</summary>
internal static class CalibrationView
{
    /// <summary>A human-readable table; as JSON, a list.</summary>
    public static void Show(IReadOnlyList<FoundBudget> budgets, Invocation invocation) =>
        invocation.WriteResult(budgets, console =>
        {
            if (budgets.Count == 0) console.MarkupLine("nothing to calibrate: the results exist, or no mixture has a 'match'");
            else console.Write(Draw(budgets));
        });

    private static Table Draw(IReadOnlyList<FoundBudget> budgets)
    {
        var table = new Table().Border(TableBorder.Simple)
            .AddColumn("recipe")
            .AddColumn(Right("seed"))
            .AddColumn("mixture")
            .AddColumn("matched to")
            .AddColumn(Right("relative cost per token"))
            .AddColumn(Right("tokens"))
            .AddColumn(Right("threads"));
        foreach (var (recipe, seed, mixture, outcome) in budgets)
        {
            var what = outcome.By switch { MatchBy.CoreSeconds => "core-seconds", MatchBy.Flops => "FLOPs", _ => "tokens" };
            var ratio = outcome.CostRatio.ToString("0.00", CultureInfo.InvariantCulture);
            table.AddRow(
                ResultText.Label(recipe),
                Number(seed),
                ResultText.Label(mixture),
                ResultText.Label($"{what} of {outcome.Reference}"),
                outcome.By == MatchBy.Tokens ? "" : ratio,
                Number(outcome.Tokens),
                outcome.Threads is { } threads ? Number(threads) : "");
        }

        return table;
    }

    private static TableColumn Right(string title) => new TableColumn(title).RightAligned();

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
