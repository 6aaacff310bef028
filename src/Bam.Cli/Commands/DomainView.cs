using System.Globalization;
using Bam.Data;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Bam.Cli.Commands;

/// <summary>A domain's report, human-readable.</summary>
internal static class DomainView
{
    public static IRenderable Draw(DataBuildReport report)
    {
        var table = new Table().Border(TableBorder.Simple).Title(ResultText.Label(report.Name)).AddColumn("")
            .AddColumn(new TableColumn("documents").RightAligned())
            .AddColumn(new TableColumn("tokens").RightAligned())
            .AddColumn(new TableColumn("bytes of text").RightAligned());
        table.AddRow("read", Number(report.DocumentsRead + report.EmptyDocuments), "", "");
        if (report.BadLines > 0) table.AddRow("bad lines, passed over", Number(report.BadLines), "", "");
        table.AddRow("empty", Number(report.EmptyDocuments), "", "");
        table.AddRow("near-duplicates, removed", Number(report.NearDuplicates), "", "");
        table.AddRow("share text with held-out ones, removed", Number(report.Contaminated), "", "");
        AddSide(table, "held out", report.HeldOut);
        AddSide(table, "to train on", report.Train);
        if (report.Bos != BeginOfText.None)
            table.Caption($"each {report.Bos.ToString().ToLowerInvariant()} begins with id {string.Join(", id ", report.BeginOfTextIds!)}");
        return table;
    }

    private static void AddSide(Table table, string name, SplitReport side) =>
        table.AddRow(name, Number(side.Documents), Number(side.Tokens), Number(side.Utf8Bytes));

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
