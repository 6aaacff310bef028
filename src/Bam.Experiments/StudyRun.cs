using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Bam.Files;

namespace Bam.Experiments;

/// <summary>
/// A recipe with its units, in the directory it runs in. With <c>random_seeds</c>, a unit whose results are kept under its key is
/// not run again, whatever machine measured them, so that a study can be completed over several sittings. Without them the models
/// in the directory count as well: a phase whose output is gone runs again.
/// </summary>
internal sealed class StudyRun
{
    private readonly Recipe recipe;
    private readonly FileHashes hashes;
    private readonly IReadOnlyList<RecipeUnit> units;
    private readonly StudyFiles files;
    private readonly string directory;

    public StudyRun(Recipe recipe, string directory)
    {
        this.recipe = recipe;
        GivenTasks.Check(recipe);
        var store = new PhaseStore(directory);
        this.directory = store.RunDirectory;
        files = new StudyFiles(recipe, this.directory);
        hashes = new FileHashes(Path.Combine(this.directory, RunRoot.InputsFileName));
        units = [.. recipe.UnitSeeds.Select(seed => new RecipeUnit(recipe.ForSeed(seed), store, hashes))];
    }

    /// <summary>The recipe's name.</summary>
    public string Name => recipe.Name;

    /// <summary>True without <c>random_seeds</c>.</summary>
    public bool HasOneUnit => recipe.HasOneUnit;

    /// <summary>The seed numbers.</summary>
    public IReadOnlyList<long> Seeds => recipe.UnitSeeds;

    /// <summary>The results known so far.</summary>
    public Study Study => new(recipe, [.. units.Select(Accepted).OfType<Results>()]);

    /// <summary>The units with what a run would do about each.</summary>
    public IReadOnlyList<PlannedUnit> Plan() =>
        [.. units.Select(unit => new PlannedUnit(Name, unit.Seed, IsFinished(unit), unit.Plan()))];

    /// <summary>The keys of the units.</summary>
    public IEnumerable<string> Keys => units.Select(unit => unit.Key);

    /// <summary>The phases of a unit that is not finished; none if there is no such unit.</summary>
    public IReadOnlyList<Phase> OpenPhases(long seed) =>
        units.FirstOrDefault(unit => unit.Seed == seed) is { } unit && !IsFinished(unit) ? unit.Phases : [];

    /// <summary>
    /// Runs a unit that is not finished, together with the other workers in the directory; takes phases of
    /// <paramref name="later"/> units instead of waiting for another worker.
    /// </summary>
    /// <returns>False if there was nothing to do: the unit is finished, or the study has none of that number.</returns>
    /// <exception cref="InvalidInputException">An input turned out wrong.</exception>
    /// <exception cref="WorkFailedException">A phase failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped; the same call continues later.</exception>
    public bool Run(
        long seed, IReadOnlyList<Phase> later, RunLock joined, IReporter reporter, CancellationToken cancellation)
    {
        if (units.FirstOrDefault(unit => unit.Seed == seed) is not { } unit) return false;
        hashes.Remember();
        return recipe.HasOneUnit
            ? RunOnly(unit, joined, reporter, cancellation)
            : RunOneOfMany(unit, later, joined, reporter, cancellation);
    }

    /// <summary>Finds the budgets of a unit that is not finished, and trains no mixture.</summary>
    /// <returns>The budgets, in the order of the mixtures; none where there was nothing to do.</returns>
    /// <exception cref="InvalidInputException">An input turned out wrong.</exception>
    /// <exception cref="WorkFailedException">A phase failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped; the same call continues later.</exception>
    public IReadOnlyList<FoundBudget> Calibrate(long seed, IReporter reporter, CancellationToken cancellation)
    {
        if (units.FirstOrDefault(unit => unit.Seed == seed) is not { } unit) return [];
        hashes.Remember();
        if (IsFinished(unit)) return [];
        if (!recipe.HasOneUnit) reporter.Say($"{Name}, seed {seed}");
        return unit.Calibrate(reporter, cancellation);
    }

    private bool RunOnly(RecipeUnit unit, RunLock joined, IReporter reporter, CancellationToken cancellation)
    {
        var resolved = RecipeWriter.Write(recipe);
        AtomicFile.WriteText(Path.Combine(directory, RunRoot.ResolvedRecipeFileName), resolved);
        var before = Earlier(unit)?.Created;
        var hasRun = unit.Run([], reporter, cancellation);
        using var writing = joined.LockResults(cancellation);
        // Results keep their date and machine if nothing was run for them, or if another worker has just written them.
        var now = Earlier(unit);
        unit.Collect(resolved, !hasRun || now?.Created != before ? now : null).SaveFile(files.FileOf(unit.Seed));
        return true;
    }

    private bool RunOneOfMany(
        RecipeUnit unit, IReadOnlyList<Phase> later, RunLock joined, IReporter reporter, CancellationToken cancellation)
    {
        var file = files.FileOf(unit.Seed);
        if (IsFinished(unit))
        {
            reporter.Say($"{Name}, seed {unit.Seed}: finished before, {file}");
            return false;
        }

        if (File.Exists(file))
            reporter.Say($"{Name}, seed {unit.Seed}: {file} is of another recipe or text and will be replaced");
        reporter.Say($"{Name}, seed {unit.Seed}");
        unit.Run(later, reporter, cancellation);
        using var writing = joined.LockResults(cancellation);
        if (IsFinished(unit)) return true;
        var results = unit.Collect(RecipeWriter.Write(RecipePaths.Relative(recipe.ForSeed(unit.Seed))), earlier: null);
        // The figures outlive the run's directory, on which the metrics' paths depend.
        (results with { Models = [.. results.Models.Select(model => model with { Metrics = null })] }).SaveFile(file);
        return true;
    }

    private bool IsFinished(RecipeUnit unit) => !recipe.HasOneUnit && Accepted(unit) is not null;

    private Results? Accepted(RecipeUnit unit) => Earlier(unit) is { } results && results.Key == unit.Key ? results : null;

    // Results without random_seeds are replaced by every run: a damaged file does no harm.
    private Results? Earlier(RecipeUnit unit)
    {
        try
        {
            return files.Load(unit.Seed);
        }
        catch (InvalidInputException) when (recipe.HasOneUnit)
        {
            return null;
        }
    }
}

/// <summary>A unit of a study and what a run would do about it; a finished one is not run again.</summary>
internal sealed record PlannedUnit(string Study, long Seed, bool IsFinished, IReadOnlyList<PlannedPhase> Phases);

/// <summary>The tokens of a mixture whose budget is matched to another's, in one recipe with one seed number.</summary>
internal sealed record FoundBudget(string Recipe, long RandomSeed, string Mixture, BudgetOutcome Outcome);
