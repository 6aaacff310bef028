using System.CommandLine;
using Bam.Cli.Launching;
using Bam.Experiments;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;

namespace Bam.Cli.Commands;

/// <summary>Runs a whole experiment.</summary>
internal sealed class RunRecipe : Verb
{
    private const int LowestSignalStatus = 128;

    private readonly Argument<string?> recipe = new("RECIPE")
    {
        Description = "recipe.yaml, or the folder that holds it",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> output = new("--output")
    {
        Description = "The output directory; an interrupted run continues there [default: runs/NAME]",
        HelpName = "DIR",
    };

    private readonly Option<bool> dryRun = new("--dry-run") { Description = "Only show which phases would run, and why" };

    private readonly Option<bool> calibrate = new("--calibrate")
    {
        Description = "Only compute the matched token budgets; train no mixture",
    };

    private readonly Option<long[]> seeds = new("--seeds")
    {
        Description = "Only run the units of a study with these random seeds",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "N",
    };

    private readonly Option<int> workers = new("--workers")
    {
        Description = "Number of processes on this machine that run phases at the same time and share the cores",
        DefaultValueFactory = _ => 1,
        HelpName = "N",
    };

    private readonly Option<bool> smoke = new("--smoke")
    {
        Description = "Test the recipe: run every phase with tiny models and synthetic text, for at most two random seeds; the "
            + "figures mean nothing [default output: runs/NAME-smoke]",
    };

    private readonly Option<bool> schema = new("--schema")
    {
        Description = "Print the JSON schema of RECIPE: every key, its range, its default and its meaning",
    };

    public RunRecipe()
        : base("run", "Run an experiment; finished phases are not repeated", "bam run recipes/debian-domains --output runs/first")
    {
        Arguments.Add(recipe);
        Options.Add(output);
        Options.Add(seeds);
        Options.Add(calibrate);
        Options.Add(dryRun);
        Options.Add(workers);
        Options.Add(smoke);
        Options.Add(schema);
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        if (invocation.Get(schema))
        {
            invocation.WriteText(RecipeSchema.Write());
            return ExitStatus.Done;
        }

        var path = invocation.Get(recipe) ?? throw new InvalidInputException("RECIPE is missing; try: bam run --help");
        var isSmoke = invocation.Get(smoke);
        if (isSmoke && invocation.Get(dryRun))
            throw new InvalidInputException("--smoke and --dry-run exclude each other; leave one out");
        if (invocation.Get(calibrate) && invocation.Get(dryRun))
            throw new InvalidInputException("--calibrate and --dry-run exclude each other; leave one out");
        var count = invocation.Get(workers);
        if (count < 1)
            throw new InvalidInputException("--workers", "a number of processes, at least 1", $"{count}", "correct it");
        if (count > 1 && (invocation.Get(dryRun) || invocation.Get(calibrate)))
            throw new InvalidInputException("--workers only applies to whole runs; leave it out, or --dry-run and --calibrate");
        var run = ExperimentRun.Open(path, invocation.Get(output), isSmoke);
        var chosen = invocation.IsGiven(seeds) ? invocation.Get(seeds) : null;
        if (chosen is not null && !run.HasSeeds)
            throw new InvalidInputException("--seeds has no meaning for a recipe without 'random_seeds'; leave it out");
        if (invocation.Get(dryRun)) ShowPlan(run.Plan(chosen), invocation);
        else if (invocation.Get(calibrate))
            CalibrationView.Show(run.Calibrate(chosen, invocation.Reporter, invocation.Cancellation), invocation);
        else if (count > 1) return RunWorkers(run, path, chosen, count, invocation);
        else Show(run.Run(chosen, invocation.Reporter, invocation.Cancellation), run.Directory, invocation);
        return ExitStatus.Done;
    }

    /// <summary>Writes the results of a run.</summary>
    internal static void Show(IReadOnlyList<Study> studies, string directory, Invocation invocation) => invocation.WriteResult(
        studies.Select(study => new
        {
            study.Name,
            study.Units,
            Claims = study.Claims.Select(claim => new { claim.Claim.Says, claim.Verdict }),
            Observations = study.Observations.Select(observation => new
            {
                observation.Model,
                observation.Against,
                Domain = observation.Figure.Title,
                Change = observation.Change.Mean,
                Observation = observation.InWords,
            }),
        }),
        console => StudyView.Draw(console, studies, directory));

    /// <summary>Starts the same command without <c>--workers</c> several times and shows what was stored.</summary>
    private int RunWorkers(ExperimentRun run, string path, long[]? chosen, int count, Invocation invocation)
    {
        List<string> command = [.. ThisProgram.Command, "run", path, "--output", run.Directory];
        if (chosen is not null) command.AddRange(["--seeds", .. chosen.Select(seed => $"{seed}")]);
        if (invocation.Get(smoke)) command.Add("--smoke");
        // A worker may save for a long time: nobody kills it.
        var death = ChildProcesses.Run(
            [.. Enumerable.Range(1, count).Select(i => new ChildProcess($"worker {i}", command, ChildOutput.Messages))],
            Timeout.InfiniteTimeSpan,
            invocation.Reporter,
            (death, running) =>
            {
                // Of a killed worker nothing is wrong with the recipe: the others take its phase over.
                var isKilled = death.Status >= LowestSignalStatus;
                var others = running == 0 ? "" : isKilled ? "; the others go on" : "; the others are stopped";
                invocation.Reporter.Warn($"{death}{others}");
                return !isKilled;
            },
            invocation.Cancellation);
        invocation.Cancellation.ThrowIfCancellationRequested();
        if (death is null)
        {
            Show(run.Studies, run.Directory, invocation);
            return ExitStatus.Done;
        }

        // A signal's status would read as an interruption of this process.
        return death.Status < LowestSignalStatus ? death.Status : ExitStatus.WorkFailed;
    }

    private static void ShowPlan(IReadOnlyList<PlannedUnit> plan, Invocation invocation) => invocation.WriteResult(
        plan.Select(unit => new { unit.Study, unit.Seed, unit.IsFinished, Phases = unit.Phases.Select(Describe) }),
        console => PlanView.Draw(console, plan));

    private static Planned Describe(PlannedPhase phase) =>
        new(phase.Phase.Title, phase.State.ToString().ToLowerInvariant(), phase.Reason);

    private sealed record Planned(string Phase, string State, string Reason);
}
