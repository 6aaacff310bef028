using Bam.Experiments.Studies;
using Bam.Files;

namespace Bam.Experiments.Reporting;

/// <summary>The files that show studies: for each its page and its figures, for a set one page more.</summary>
internal static class StudyPages
{
    /// <summary>Writes a study's <c>NAME.html</c>, <c>NAME.json</c> and <c>NAME.csv</c>.</summary>
    /// <param name="study">The study.</param>
    /// <param name="directory">Where to write.</param>
    /// <returns>The page.</returns>
    /// <exception cref="InvalidInputException">Another file has the name of one of them.</exception>
    /// <exception cref="WorkFailedException">A file cannot be written.</exception>
    public static string Write(Study study, string directory)
    {
        ArgumentNullException.ThrowIfNull(study);
        var (page, json, csv) = (PathOf("html"), PathOf("json"), PathOf("csv"));
        OutputPath.RequireFile(page, "an older page to replace", HtmlPage.IsOne, []);
        OutputPath.RequireFile(json, "older figures to replace", StudyFigures.IsJson, []);
        OutputPath.RequireFile(csv, "older figures to replace", StudyFigures.IsCsv, []);
        StudyReport.Write(study, page);
        StudyFigures.WriteJson(study, json);
        StudyFigures.WriteCsv(study, csv);
        return page;

        string PathOf(string ending) => Path.Combine(directory, $"{study.Name}.{ending}");
    }

    /// <summary>Writes the page of a set, <c>report.html</c>.</summary>
    /// <param name="set">The set.</param>
    /// <param name="studies">Its studies.</param>
    /// <param name="directory">Where to write.</param>
    /// <returns>The page.</returns>
    /// <exception cref="WorkFailedException">A file cannot be written.</exception>
    public static string WriteSet(StudySet set, IReadOnlyList<Study> studies, string directory)
    {
        var page = Path.Combine(directory, StudySetReport.FileName);
        OutputPath.RequireFile(page, "an older page to replace", HtmlPage.IsOne, []);
        StudySetReport.Write(set, studies, page);
        return page;
    }
}
