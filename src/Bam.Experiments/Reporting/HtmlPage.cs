using System.Text.RegularExpressions;
using Bam.Files;

namespace Bam.Experiments.Reporting;

/// <summary>A whole page: one file with its style sheet, without scripts or outside references.</summary>
internal static partial class HtmlPage
{
    /// <summary>The page's text.</summary>
    /// <param name="title">For the window; escaped here.</param>
    /// <param name="body">What it shows.</param>
    public static string Of(string title, Html body) => Template("report.html")
        .Replace("{{title}}", Html.Of(html => html.Add($"{title}")).ToString(), StringComparison.Ordinal)
        .Replace("{{style}}", Template("report.css"), StringComparison.Ordinal)
        .Replace("{{body}}", body.ToString(), StringComparison.Ordinal);

    /// <summary>True for a file that holds such a page.</summary>
    public static bool IsOne(string path) =>
        InputFile.ReadHead(path) is var head && head.StartsWith("<!doctype html>", StringComparison.Ordinal) && Title().IsMatch(head);

    // What a page's title ends with.
    [GeneratedRegex("<title>[^<]* Bam (report|study|studies)</title>")]
    private static partial Regex Title();

    private static string Template(string name)
    {
        using var stream = typeof(HtmlPage).Assembly.GetManifestResourceStream($"Bam.Experiments.Reporting.Templates.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
