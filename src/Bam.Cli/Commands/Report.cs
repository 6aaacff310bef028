using System.CommandLine;

namespace Bam.Cli.Commands;

/// <summary>Draws the report of a finished run.</summary>
internal sealed class Report : Verb
{
    private readonly Argument<string> run = new("RUNDIR") { Description = "A run's directory, with its results.json" };

    private readonly Option<string?> output = new("--output")
    {
        Description = "The file to write [default: report.html in RUNDIR]",
        HelpName = "FILE",
    };

    public Report()
        : base("report", "Draw a finished run's tables and figures as one HTML file", "bam report runs/debian-domains")
    {
        Arguments.Add(run);
        Options.Add(output);
    }

    public override int Execute(Invocation invocation)
    {
        var path = Experiments.Reporting.Report.Write(invocation.GetRequired(run), invocation.Get(output));
        invocation.WriteResult(new Written(path), console => console.Profile.Out.Writer.WriteLine(path));
        return ExitStatus.Done;
    }

    private sealed record Written(string Output);
}
