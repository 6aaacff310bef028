using System.Globalization;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Draws models × figures, of which smaller is better; the best of each column is marked.</summary>
internal static class FigureTable
{
    public static Table Create(string title, IReadOnlyList<string> rows, IReadOnlyList<FigureColumn> columns, string format)
    {
        var table = new Table().Border(TableBorder.Simple).Title(Markup.Escape(title)).AddColumn("model");
        foreach (var column in columns) table.AddColumn(new TableColumn(Markup.Escape(column.Title)).RightAligned());
        for (var i = 0; i < rows.Count; i++)
            table.AddRow([Markup.Escape(rows[i]), .. columns.Select(column => Cell(column.Values[i], column.Values, format))]);
        return table;
    }

    // With one row there is nothing to be best of.
    private static string Cell(double value, IReadOnlyList<double> column, string format)
    {
        var text = double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "–";
        return column.Count > 1 && value <= column.Min() ? $"[bold green]{text}*[/]" : $"{text} ";
    }
}
