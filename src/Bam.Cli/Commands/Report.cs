using System.CommandLine;
using Bam.Experiments;
using Bam.Experiments.Findings;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;

namespace Bam.Cli.Commands;

/// <summary>Draws the report of a finished run, or of studies from the kept figures of their units.</summary>
internal sealed class Report : Verb
{
    private readonly Argument<string> run = new("RUNDIR|RECIPE")
    {
        Description = "A run directory with a results.json, or the recipe of a study or a set, whose stored figures are used",
    };

    private readonly Option<string?> output = new("--output")
    {
        Description = "The report to write [default: report.html in RUNDIR]; for a RECIPE, the directory of its run, where "
            + "results are read and reports are written [default: runs/NAME]",
        HelpName = "PATH",
    };

    public Report()
        : base(
            "report", "Write the tables and figures of a finished run as an HTML file, or one file per study",
            "bam report runs/debian-domains")
    {
        Arguments.Add(run);
        Options.Add(output);
    }

    public override int Execute(Invocation invocation)
    {
        var (given, target) = (invocation.GetRequired(run), invocation.Get(output));
        var path = RecipeOf(given) is { } recipe
            ? ResultsArchive.WriteReports(recipe, target, invocation.Reporter)
            : WriteRun(given, target, invocation.Reporter);
        invocation.WriteResult(new Written(path), _ => invocation.WritePiece($"{path}\n"));
        return ExitStatus.Done;
    }

    private static string WriteRun(string directory, string? path, IReporter reporter)
    {
        if (!Directory.Exists(directory))
            throw new InvalidInputException(directory, "the directory of a run, or a recipe", "nothing", "check the path");
        var hasResults = File.Exists(Path.Combine(directory, Results.FileName));
        if (!hasResults && Directory.Exists(Path.Combine(directory, StudyFiles.FolderName)))
            throw new InvalidInputException(directory, Results.FileName, "the results of a study", "name the study's recipe");
        var study = ResultsArchive.ReadRun(directory, reporter);
        if (path is null) return StudyReport.Write(study, directory);
        StudyReport.WritePage(study, path);
        return path;
    }

    // A folder is a run when it has results, and stands for the recipe in it otherwise.
    private static string? RecipeOf(string path)
    {
        if (File.Exists(path)) return path;
        var inside = Path.Combine(path, "recipe.yaml");
        return File.Exists(inside) && !File.Exists(Path.Combine(path, Results.FileName)) ? inside : null;
    }

    private sealed record Written(string Output);
}
