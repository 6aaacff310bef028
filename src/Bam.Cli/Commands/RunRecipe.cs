using System.CommandLine;
using Bam.Experiments;
using Bam.Experiments.Recipes;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Runs a whole experiment.</summary>
internal sealed class RunRecipe : Verb
{
    private readonly Argument<string?> recipe = new("RECIPE")
    {
        Description = "recipe.yaml, or the folder that holds it",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> output = new("--output")
    {
        Description = "Where phases, results and report go; a run that is there goes on [default: runs/NAME]",
        HelpName = "DIR",
    };

    private readonly Option<bool> dryRun = new("--dry-run") { Description = "Only show which phases would run, and why" };

    private readonly Option<bool> schema = new("--schema") { Description = "Print the JSON schema of RECIPE: every key, its range, its default and its meaning" };

    public RunRecipe()
        : base("run", "Run a whole experiment; finished phases are not run again", "bam run recipes/debian-domains --output runs/first")
    {
        Arguments.Add(recipe);
        Options.Add(output);
        Options.Add(dryRun);
        Options.Add(schema);
    }

    public override int Execute(Invocation invocation)
    {
        if (invocation.Get(schema))
        {
            invocation.WriteText(RecipeSchema.Write());
            return ExitStatus.Done;
        }

        var path = invocation.Get(recipe) ?? throw new InvalidInputException("RECIPE is missing; try: bam run --help");
        var run = RecipeRun.Open(path, invocation.Get(output));
        if (invocation.Get(dryRun))
        {
            var plan = run.Plan();
            invocation.WriteResult(plan.Select(phase => new Planned(phase.Phase.Title, phase.State.ToString().ToLowerInvariant(), phase.Reason)), console => PlanView.Draw(console, plan));
            return ExitStatus.Done;
        }

        var results = run.Run(invocation.Reporter, invocation.Cancellation);
        invocation.WriteResult(results, console => ResultsView.Draw(console, results, run.Directory));
        return ExitStatus.Done;
    }

    private sealed record Planned(string Phase, string State, string Reason);
}
