using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Studies;
using Bam.Experiments.Recipes;

namespace Bam.Experiments;

/// <summary>
/// A recipe with several seed numbers, in the directory it runs in. Each number is a unit; a unit whose figures are kept under its
/// key is not run again, on whatever machine they were measured, so that a study can be completed over several sittings.
/// </summary>
internal sealed class StudyRun
{
    private readonly Recipe recipe;
    private readonly FileHashes hashes;
    private readonly IReadOnlyList<RecipeUnit> units;
    private readonly KeptUnits kept;

    internal StudyRun(Recipe recipe, string directory)
    {
        this.recipe = recipe;
        var store = new PhaseStore(directory);
        Directory = store.RunDirectory;
        kept = new KeptUnits(recipe, Directory);
        hashes = new FileHashes(Path.Combine(Directory, RunRoot.InputsFileName));
        units = [.. recipe.RandomSeeds.Select(seed => new RecipeUnit(recipe.ForSeed(seed), store, hashes))];
    }

    /// <summary>The recipe's name.</summary>
    public string Name => recipe.Name;

    /// <summary>The run's root.</summary>
    public string Directory { get; }

    /// <summary>The seed numbers.</summary>
    public IReadOnlyList<long> Seeds => recipe.RandomSeeds;

    /// <summary>The units with what a run would do about each.</summary>
    public IReadOnlyList<PlannedUnit> Plan() =>
        [.. units.Select(unit => new PlannedUnit(Name, unit.Seed, Accepted(unit) is not null, unit.Plan()))];

    /// <summary>Runs a unit that is not finished; the caller holds the directory's lock.</summary>
    /// <param name="seed">Its seed number.</param>
    /// <param name="reporter">Told what is going on.</param>
    /// <param name="cancellation">Cancellation token; the same call goes on later.</param>
    /// <returns>False when there was nothing to do: the unit is finished, or the study has none of that number.</returns>
    internal bool Run(long seed, IReporter reporter, CancellationToken cancellation)
    {
        if (units.FirstOrDefault(unit => unit.Seed == seed) is not { } unit) return false;
        RememberHashes(unit);
        var file = kept.FileOf(seed);
        if (Accepted(unit) is not null)
        {
            reporter.Say($"{Name}, seed {seed}: finished before, {file}");
            return false;
        }

        if (File.Exists(file)) reporter.Say($"{Name}, seed {seed}: {file} is of another recipe or text and will be replaced");
        reporter.Say($"{Name}, seed {seed}");
        var results = unit.Run(RecipeWriter.Write(RecipePaths.Relative(recipe.ForSeed(seed))), reporter, cancellation);
        // The figures outlive the run's directory, on which the metrics' paths depend.
        (results with { Models = [.. results.Models.Select(model => model with { Metrics = null })] }).SaveFile(file);
        return true;
    }

    /// <summary>Finds the budgets of a unit that is not finished, and trains no mixture; the caller holds the directory's lock.</summary>
    /// <param name="seed">Its seed number; nothing happens when the study has none of that number.</param>
    /// <param name="reporter">Told what is going on.</param>
    /// <param name="cancellation">Cancellation token; the same call goes on later.</param>
    /// <returns>The budgets, in the order of the mixtures; none where there was nothing to do.</returns>
    internal IReadOnlyList<FoundBudget> Calibrate(long seed, IReporter reporter, CancellationToken cancellation)
    {
        if (units.FirstOrDefault(unit => unit.Seed == seed) is not { } unit) return [];
        RememberHashes(unit);
        if (Accepted(unit) is not null) return [];
        reporter.Say($"{Name}, seed {seed}");
        return unit.Calibrate(reporter, cancellation);
    }

    /// <summary>What is known so far: the units whose figures are kept.</summary>
    public Study Study() => new(recipe, [.. units.Select(Accepted).OfType<Results>()]);

    // Checkpoints and scripts are hashed when the first key is asked for.
    private void RememberHashes(RecipeUnit unit)
    {
        _ = unit.Key;
        hashes.Remember();
    }

    private Results? Accepted(RecipeUnit unit) => kept.Load(unit.Seed) is { } results && results.Key == unit.Key ? results : null;
}
