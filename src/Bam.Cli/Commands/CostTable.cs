using System.Globalization;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>A table of components × models under a title. Five models fit 80 columns.</summary>
internal sealed class CostTable
{
    private readonly string title;
    private readonly Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("").NoWrap().Padding(0, 0));

    public CostTable(string title, IReadOnlyList<string> columns)
    {
        this.title = title;
        foreach (var column in columns) table.AddColumn(new TableColumn(ResultText.Label(column)).RightAligned().Padding(2, 0, 0, 0));
    }

    /// <summary>A row of counts, 0 drawn as a dash.</summary>
    public void Add(string label, IEnumerable<long> counts, CountFormat format, bool isSum = false) =>
        Add(label, counts.Select(format.Write), isSum);

    /// <summary>A row of texts.</summary>
    public void Add(string label, IEnumerable<string> cells, bool isSum = false) =>
        table.AddRow([.. cells.Prepend(label).Select(cell => isSum ? $"[bold]{ResultText.Label(cell)}[/]" : ResultText.Label(cell))]);

    /// <summary>The head of a group of rows.</summary>
    public void AddGroup(string label) => table.AddRow($"[grey]{ResultText.Label(label)}[/]");

    /// <summary>Draws the title, the table, and what there is to say about it.</summary>
    public void Write(IAnsiConsole console, string? note = null)
    {
        console.MarkupLine($"[bold]{ResultText.Label(title)}[/]");
        console.Write(table);
        if (note is not null) console.MarkupLine($"[grey]{ResultText.Label(note)}[/]\n");
    }

    /// <summary>How a table writes its counts: whole, or in millions where several models stand side by side.</summary>
    internal sealed record CountFormat(bool InMillions)
    {
        /// <summary>Behind the title.</summary>
        public string Unit => InMillions ? ", in millions" : "";

        /// <summary>The count, or a dash for none.</summary>
        public string Write(long count) =>
            count == 0 ? "–" : InMillions ? (count / 1e6).ToString("#,0.000", CultureInfo.InvariantCulture) : count.ToString("N0", CultureInfo.InvariantCulture);
    }
}
