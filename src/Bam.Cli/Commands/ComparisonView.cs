using System.Globalization;
using Bam.Checkpoints.Opening;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>What two checkpoints differ in, human-readable or as JSON.</summary>
internal static class ComparisonView
{
    private const int ShownNames = 5;

    public static void Show(CheckpointComparison comparison, string first, string second, Invocation invocation)
    {
        var result = new
        {
            First = first, Second = second, Same = comparison.IsSame, comparison.Config, comparison.Tokenizer, comparison.OnlyInFirst, comparison.OnlyInSecond, comparison.Components,
        };
        invocation.WriteResult(result, console => Draw(comparison, first, second, console));
    }

    private static void Draw(CheckpointComparison comparison, string first, string second, IAnsiConsole console)
    {
        if (comparison.IsSame)
        {
            console.LabelledLine($"{first} and {second} are the same");
            return;
        }

        if (comparison.Config.Count > 0)
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns("config.json", ResultText.Label(first), ResultText.Label(second));
            foreach (var difference in comparison.Config) table.AddRow(difference.Key, ResultText.Label(difference.First), ResultText.Label(difference.Second));
            console.Write(table);
        }

        if (comparison.Tokenizer is { } tokenizer) console.LabelledLine($"tokenizer.json differs first in {tokenizer}");
        DrawNames($"only in {first}", comparison.OnlyInFirst, console);
        DrawNames($"only in {second}", comparison.OnlyInSecond, console);
        if (comparison.Components.Count == 0) return;
        var components = new Table().Border(TableBorder.Simple).AddColumn("component");
        foreach (var name in new[] { "tensors", "equal", "largest |a - b|", "‖a - b‖ / ‖a‖" }) components.AddColumn(new TableColumn(name).RightAligned());
        foreach (var component in comparison.Components)
        {
            components.AddRow(
                InspectView.Words(component.Kind),
                component.Tensors.ToString(CultureInfo.InvariantCulture),
                component.EqualTensors.ToString(CultureInfo.InvariantCulture),
                component.LargestDifference.ToString("g3", CultureInfo.InvariantCulture),
                component.RelativeDifference.ToString("g3", CultureInfo.InvariantCulture));
        }

        console.Write(components);
    }

    private static void DrawNames(string title, IReadOnlyList<string> names, IAnsiConsole console)
    {
        if (names.Count == 0) return;
        var more = names.Count > ShownNames ? $" and {names.Count - ShownNames} more" : "";
        console.LabelledLine($"{title}: {string.Join(", ", names.Take(ShownNames))}{more}");
    }
}
