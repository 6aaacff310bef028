using System.CommandLine;
using Bam.Experiments;
using Bam.Experiments.Studies;

namespace Bam.Cli.Commands;

/// <summary>Runs the three phases on real text, in minutes.</summary>
internal sealed class Demo : Verb
{
    private readonly Option<string?> output = new("--output")
    {
        Description = "The output directory; an interrupted demo continues there [default: runs/demo]",
        HelpName = "DIR",
    };

    public Demo()
        : base("demo", "Train, specialise and mix small models on real text, and check the result", "bam demo") =>
            Options.Add(output);

    public override bool TakesRanks => true;

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

/// <summary>The recipes that come with the command; the build puts them beside it.</summary>
internal static class ShippedRecipes
{
    /// <summary>The file of the recipe in that folder.</summary>
    /// <exception cref="InvalidInputException">The installation lacks it.</exception>
    public static string Find(string name)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "recipes", name, "recipe.yaml");
        return File.Exists(path)
            ? path
            : throw new InvalidInputException(path, $"the recipe of 'bam {name}'", "nothing", "reinstall Bam");
    }
}
