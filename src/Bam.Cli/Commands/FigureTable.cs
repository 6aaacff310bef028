using System.Globalization;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Draws models × figures, of which smaller is better; the best of each column is marked.</summary>
internal static class FigureTable
{
    /// <summary>One row for each model.</summary>
    /// <param name="title">Above the table.</param>
    /// <param name="rows">The models.</param>
    /// <param name="columns">The figures.</param>
    /// <param name="format">How a figure is written.</param>
    /// <param name="remarks">Columns of text behind the figures.</param>
    public static Table Create(
        string title, IReadOnlyList<string> rows, IReadOnlyList<FigureColumn> columns, string format, params IReadOnlyList<(string Title, IReadOnlyList<string> Cells)> remarks)
    {
        var table = new Table().Border(TableBorder.Simple).Title(ResultText.Label(title)).AddColumn("model");
        foreach (var column in columns) table.AddColumn(new TableColumn(ResultText.Label(column.Title)).RightAligned());
        foreach (var (heading, _) in remarks) table.AddColumn(new TableColumn(ResultText.Label(heading)).RightAligned());
        for (var i = 0; i < rows.Count; i++)
        {
            var figures = columns.Select(column => Cell(column.Values[i], column.Values, format));
            table.AddRow([ResultText.Label(rows[i]), .. figures, .. remarks.Select(remark => ResultText.Label(remark.Cells[i]))]);
        }

        return table;
    }

    /// <summary>
    /// A figure, marked where it is the best of those that it is compared with; of one alone there is nothing to be best of.
    /// </summary>
    internal static string Cell(double value, IReadOnlyList<double> others, string format)
    {
        var text = double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "–";
        return others.Count > 1 && value <= others.Min() ? $"[bold green]{text}*[/]" : $"{text} ";
    }
}
