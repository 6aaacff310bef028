using System.CommandLine;
using Bam.Experiments;

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
        var run = RecipeRun.Open(ShippedRecipes.Find("demo"), invocation.Get(output));
        var results = run.Run(invocation.Reporter, invocation.Cancellation);
        invocation.WriteResult(results, console => ResultsView.Draw(console, results, run.Directory));
        var failed = results.Claims.Count(claim => !claim.Held);
        if (failed == 0) return ExitStatus.Done;
        invocation.Reporter.Warn($"{failed} of {results.Claims.Count} claims did not hold");
        return ExitStatus.WorkFailed;
    }
}
