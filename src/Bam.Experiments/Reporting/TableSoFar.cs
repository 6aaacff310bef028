using System.Globalization;
using Bam.Evaluation;

namespace Bam.Experiments.Reporting;

/// <summary>The perplexities known so far, as lines of text, to look at while a recipe runs.</summary>
internal static class TableSoFar
{
    private const int FigureWidth = 8;

    /// <summary>A line of headings, and one for each model; the last column is the mean over the domains.</summary>
    /// <param name="rows">The models' names and their figures by domain; the same domains for all.</param>
    public static IEnumerable<string> Lines(
        IReadOnlyList<(string Model, IReadOnlyDictionary<string, PerplexityResult> Figures)> rows)
    {
        string[] columns = [.. rows[0].Figures.Keys, "mean"];
        var widths = columns.Select(column => Math.Max(column.Length, FigureWidth)).ToArray();
        var first = Math.Max("perplexity".Length, rows.Max(row => row.Model.Length));
        yield return Line("perplexity", columns);
        foreach (var (model, figures) in rows)
        {
            var values = figures.Values.Select(figure => figure.Perplexity).Append(PerplexityResult.Mean(figures.Values));
            yield return Line(model, values.Select(value => value.ToString("0.00", CultureInfo.InvariantCulture)));
        }

        string Line(string name, IEnumerable<string> cells) =>
            $"  {name.PadRight(first)}  {string.Join("  ", cells.Zip(widths, (cell, width) => cell.PadLeft(width)))}";
    }
}
