using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>The budgets that a calibration found.</summary>
internal static class CalibrationView
{
    /// <summary>A human-readable table; as JSON, a list.</summary>
    public static void Show(IReadOnlyList<FoundBudget> budgets, Invocation invocation) =>
        invocation.WriteResult(budgets, console =>
        {
            if (budgets.Count == 0) console.MarkupLine("nothing to calibrate: the figures are there, or no mixture has a 'match'");
            else console.Write(Draw(budgets));
        });

    private static Table Draw(IReadOnlyList<FoundBudget> budgets)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("recipe").AddColumn(Right("seed")).AddColumn("mixture").AddColumn("equal to")
            .AddColumn(Right("cost of a token")).AddColumn(Right("tokens")).AddColumn(Right("threads"));
        foreach (var (recipe, seed, mixture, outcome) in budgets)
        {
            var what = outcome.By switch { MatchBy.CoreSeconds => "core-seconds", MatchBy.Flops => "FLOPs", _ => "tokens" };
            table.AddRow(
                ResultText.Label(recipe), Number(seed), ResultText.Label(mixture), ResultText.Label($"{what} of {outcome.Reference}"),
                outcome.By == MatchBy.Tokens ? "" : outcome.CostRatio.ToString("0.00", CultureInfo.InvariantCulture), Number(outcome.Tokens),
                outcome.Threads is { } threads ? Number(threads) : "");
        }

        return table;
    }

    private static TableColumn Right(string title) => new TableColumn(title).RightAligned();

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
