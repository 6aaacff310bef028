using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Reporting;
using Bam.Files;

namespace Bam.Experiments;

/// <summary>A recipe and the directory it runs in.</summary>
internal sealed class RecipeRun
{
    private readonly Recipe recipe;
    private readonly PhaseStore store;
    private readonly FileHashes hashes;
    private readonly RecipeUnit unit;

    private RecipeRun(Recipe recipe, string directory)
    {
        this.recipe = recipe;
        store = new PhaseStore(directory);
        hashes = new FileHashes(Path.Combine(store.RunDirectory, RunRoot.InputsFileName));
        unit = new RecipeUnit(recipe, store, hashes);
    }

    /// <summary>The recipe's name.</summary>
    public string Name => recipe.Name;

    /// <summary>The run's root: phases, results, report.</summary>
    public string Directory => store.RunDirectory;

    /// <summary>Reads a recipe and the files that it names; all that can be wrong with them is found here, before any work.</summary>
    /// <param name="recipePath">recipe.yaml, or the directory that holds it.</param>
    /// <param name="output">The run's root; null for <c>runs/NAME</c> below the current directory.</param>
    /// <param name="isSmoke">True: tiny models and synthetic text, to see that everything works (<c>runs/NAME-smoke</c>).</param>
    /// <exception cref="InvalidInputException">Something is not as it must be; one line names it.</exception>
    public static RecipeRun Open(string recipePath, string? output, bool isSmoke = false)
    {
        if (System.IO.Directory.Exists(recipePath)) recipePath = Path.Combine(recipePath, "recipe.yaml");
        var recipe = RecipeReader.Read(recipePath);
        output ??= Path.Combine("runs", isSmoke ? $"{recipe.Name}-smoke" : recipe.Name);
        RunRoot.Require(output, [recipe]);
        return new RecipeRun(isSmoke ? RunRoot.Smoke([recipe], output)[0] : recipe, output);
    }

    /// <summary>What a run would do, phase by phase, and why.</summary>
    public IReadOnlyList<PlannedPhase> Plan() => unit.Plan();

    /// <summary>Finds the budgets that are matched to another mixture's: runs what they need, and trains no mixture.</summary>
    /// <param name="reporter">Told what is going on.</param>
    /// <param name="cancellation">Cancellation token; the same call goes on later.</param>
    /// <returns>The budgets, in the order of the mixtures.</returns>
    /// <exception cref="InvalidInputException">Another process runs in the directory, or an input turned out wrong.</exception>
    /// <exception cref="WorkFailedException">A phase failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped; what can be continued is saved.</exception>
    public IReadOnlyList<FoundBudget> Calibrate(IReporter reporter, CancellationToken cancellation)
    {
        using var held = DirectoryLock.Acquire(Directory);
        RememberHashes();
        return unit.Calibrate(reporter, cancellation);
    }

    /// <summary>Runs what is not finished, then writes <c>results.json</c>, <c>recipe.resolved.yaml</c> and <c>report.html</c>.</summary>
    /// <param name="reporter">Told what is going on.</param>
    /// <param name="cancellation">Cancellation token; the same call goes on later.</param>
    /// <exception cref="InvalidInputException">Another process runs in the directory, or an input turned out wrong.</exception>
    /// <exception cref="WorkFailedException">A phase failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped; what can be continued is saved.</exception>
    public Results Run(IReporter reporter, CancellationToken cancellation)
    {
        using var held = DirectoryLock.Acquire(Directory);
        RememberHashes();
        var resolved = RecipeWriter.Write(recipe);
        AtomicFile.WriteText(Path.Combine(Directory, RunRoot.ResolvedRecipeFileName), resolved);
        var results = unit.Run(resolved, reporter, cancellation, Earlier());
        results.Save(Directory);
        Report.Write(Directory);
        return results;
    }

    // Checkpoints and scripts are hashed when the first key is asked for.
    private void RememberHashes()
    {
        _ = unit.Key;
        hashes.Remember();
    }

    private Results? Earlier()
    {
        try
        {
            return Results.Load(Directory);
        }
        catch (InvalidInputException)
        {
            return null;
        }
    }
}
