using Bam.Experiments.Recipes;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;

namespace Bam.Experiments;

/// <summary>A recipe, or a set of recipes, and the directory in which they run.</summary>
internal sealed class ExperimentRun
{
    private readonly IReadOnlyList<StudyRun> studies;
    private readonly string identity;

    private ExperimentRun(StudySet? set, IReadOnlyList<Recipe> recipes, string directory, string? identity)
    {
        Set = set;
        Directory = Path.GetFullPath(directory);
        HasSeeds = recipes.Any(recipe => !recipe.HasOneUnit);
        studies = [.. recipes.Select(recipe => new StudyRun(recipe, Directory))];
        this.identity = identity ?? RunLock.IdentityOf(recipes, studies.SelectMany(study => study.Keys));
    }

    /// <summary>The set; null when a recipe was opened.</summary>
    public StudySet? Set { get; }

    /// <summary>The run's root: phases, reports, and the figures of recipes that name no other place.</summary>
    public string Directory { get; }

    /// <summary>The names of the studies.</summary>
    public IReadOnlyList<string> Names => [.. studies.Select(study => study.Name)];

    /// <summary>The studies with the units that are finished by now.</summary>
    public IReadOnlyList<Study> Studies => [.. studies.Select(study => study.Study)];

    /// <summary>True if there are seed numbers to choose from.</summary>
    public bool HasSeeds { get; }

    /// <summary>
    /// Reads a recipe, a set, or the folder of a <c>recipe.yaml</c>, and finds all errors before any work. The output is
    /// <c>runs/NAME</c> if null; a smoke run has tiny models and synthetic text, in <c>runs/NAME-smoke</c>.
    /// </summary>
    /// <exception cref="InvalidInputException">Something is not as it must be; one line names it.</exception>
    public static ExperimentRun Open(string path, string? output, bool isSmoke = false)
    {
        if (System.IO.Directory.Exists(path)) path = Path.Combine(path, "recipe.yaml");
        var (set, recipes) = StudySet.ReadRecipes(path);
        var name = set?.Name ?? recipes[0].Name;
        output ??= Path.Combine("runs", isSmoke ? $"{name}-smoke" : name);
        RunRoot.Require(output, recipes);
        if (!isSmoke) return new ExperimentRun(set, recipes, output, identity: null);
        // The text of a smoke run is the same for all workers, and is written before its keys are known.
        var identity = RunLock.IdentityOf(recipes, ["smoke"]);
        return new ExperimentRun(set, RunRoot.Smoke(recipes, output, identity), output, identity);
    }

    /// <summary>
    /// Every unit, or those of <paramref name="seeds"/>, with what a run would do about it, in the order of a run.
    /// </summary>
    /// <exception cref="InvalidInputException">No study has one of them.</exception>
    public IReadOnlyList<PlannedUnit> Plan(IReadOnlyCollection<long>? seeds)
    {
        RequireKnown(seeds);
        return
        [
            .. studies
                .SelectMany(study => study.Plan())
                .Where(unit => seeds?.Contains(unit.Seed) != false)
                .OrderBy(unit => unit.Seed),
        ];
    }

    /// <summary>
    /// Runs the units that are not finished, all or those of <paramref name="seeds"/>, one seed number after the other, so that
    /// models that the studies share are trained once and whole rows of results exist early; writes the reports after each unit.
    /// After a cancellation the same call resumes. Several processes may run at the same time and share the phases.
    /// </summary>
    /// <returns>The studies, with all units that are finished by now.</returns>
    /// <exception cref="InvalidInputException">
    /// Another process runs another recipe in the directory, or an input turned out wrong.
    /// </exception>
    /// <exception cref="WorkFailedException">A phase failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped; what can be continued is saved.</exception>
    public IReadOnlyList<Study> Run(IReadOnlyCollection<long>? seeds, IReporter reporter, CancellationToken cancellation)
    {
        RequireKnown(seeds);
        using var joined = RunLock.Join(Directory, identity);
        Show(studies.Where(study => !study.HasOneUnit));
        var units = Chosen(seeds).SelectMany(seed => studies.Select(study => (Study: study, Seed: seed))).ToList();
        for (var i = 0; i < units.Count; i++)
        {
            var later = units.Skip(i + 1).SelectMany(unit => unit.Study.OpenPhases(unit.Seed)).ToList();
            if (units[i].Study.Run(units[i].Seed, later, joined, reporter, cancellation)) Show([units[i].Study]);
        }

        return Studies;

        // Other workers finish units, too: a report is of what is stored when it is written.
        void Show(IEnumerable<StudyRun> changed)
        {
            using var writing = joined.LockResults(cancellation);
            foreach (var study in changed.Select(study => study.Study))
            {
                TextDifference.Warn(study, reporter);
                StudyReport.Write(study, Directory);
            }

            if (Set is not null) SetReport.Write(Set, Studies, Directory);
        }
    }

    /// <summary>
    /// Finds the budgets of the units that are not finished, all or those of <paramref name="seeds"/>, and trains no mixture:
    /// core-seconds are then calibrated on a quiet machine, with the threads of the moment, however the mixtures are trained
    /// later. After a cancellation the same call resumes.
    /// </summary>
    /// <returns>The budgets of those units, one seed number after the other.</returns>
    /// <exception cref="InvalidInputException">
    /// Another process runs another recipe in the directory, or an input turned out wrong.
    /// </exception>
    /// <exception cref="WorkFailedException">A phase failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped; what can be continued is saved.</exception>
    public IReadOnlyList<FoundBudget> Calibrate(
        IReadOnlyCollection<long>? seeds, IReporter reporter, CancellationToken cancellation)
    {
        RequireKnown(seeds);
        using var joined = RunLock.Join(Directory, identity);
        return [.. Chosen(seeds).SelectMany(seed => studies.SelectMany(study => study.Calibrate(seed, reporter, cancellation)))];
    }

    private IEnumerable<long> Chosen(IReadOnlyCollection<long>? seeds) =>
        studies.SelectMany(study => study.Seeds).Distinct().Where(seed => seeds?.Contains(seed) != false).Order();

    private void RequireKnown(IReadOnlyCollection<long>? seeds)
    {
        var known = studies.SelectMany(study => study.Seeds).Distinct().Order().ToList();
        if (seeds?.Except(known).ToList() is [var unknown, ..])
            throw new InvalidInputException(
                "seeds", $"one of {string.Join(", ", known)} (random_seeds)", $"{unknown}",
                "choose another or add it to the recipe");
    }
}
