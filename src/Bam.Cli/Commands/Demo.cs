using System.CommandLine;
using Bam.Experiments;
using Bam.Experiments.Studies;

namespace Bam.Cli.Commands;

/// <summary>The three phases on real text, in minutes.</summary>
internal sealed class Demo : Verb
{
    private readonly Option<string?> output = new("--output")
    {
        Description = "Where everything goes; a demo that is there goes on [default: runs/demo]",
        HelpName = "DIR",
    };

    public Demo()
        : base("demo", "Branch, specialise and mix small models on real text, and show that it worked", "bam demo") => Options.Add(output);

    public override int Execute(Invocation invocation)
    {
        var run = ExperimentRun.Open(ShippedRecipes.Find("demo"), invocation.Get(output));
        var studies = run.Run(null, invocation.Reporter, invocation.Cancellation);
        RunRecipe.Show(studies, run.Directory, invocation);
        var claims = studies[0].Claims;
        var failed = claims.Count(claim => !claim.Verdict.Agrees());
        if (failed == 0) return ExitStatus.Done;
        invocation.Reporter.Warn($"{failed} of {claims.Count} claims did not hold");
        return ExitStatus.WorkFailed;
    }
}
