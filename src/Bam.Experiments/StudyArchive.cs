using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;

namespace Bam.Experiments;

/// <summary>
/// Studies from the kept figures of their units alone: nothing is run, and neither the text nor the phases behind the figures need be
/// on this machine.
/// </summary>
internal sealed class StudyArchive
{
    private readonly StudySet? set;
    private readonly IReadOnlyList<Recipe> recipes;

    private StudyArchive(StudySet? set, IReadOnlyList<Recipe> recipes, string directory) =>
        (this.set, this.recipes, Directory) = (set, recipes, Path.GetFullPath(directory));

    /// <summary>Where pages go, and where the figures are of recipes that name no other place.</summary>
    public string Directory { get; }

    /// <summary>Reads a set or a recipe with seed numbers.</summary>
    /// <param name="path">The set's file, or a recipe's.</param>
    /// <param name="output">Where pages go; null for <c>runs/NAME</c> below the current directory.</param>
    /// <exception cref="InvalidInputException">A file is not as it must be, or has no seed numbers.</exception>
    public static StudyArchive Open(string path, string? output)
    {
        var (set, recipes) = StudySet.ReadStudies(path);
        return new(set, recipes, output ?? Path.Combine("runs", set?.Name ?? recipes[0].Name));
    }

    /// <summary>Gathers the figures; what does not fit the recipe any more is named and shown all the same, as far as it can be.</summary>
    /// <exception cref="InvalidInputException">A file of figures is damaged.</exception>
    public IReadOnlyList<Study> Read(IReporter reporter)
    {
        ArgumentNullException.ThrowIfNull(reporter);
        return [.. recipes.Select(recipe => Read(recipe, reporter))];
    }

    /// <summary>Writes the pages of all studies, and of the set.</summary>
    /// <returns>The set's page, or the only study's.</returns>
    /// <exception cref="WorkFailedException">A file cannot be written.</exception>
    public string WritePages(IReadOnlyList<Study> studies)
    {
        ArgumentNullException.ThrowIfNull(studies);
        var pages = studies.Select(study => StudyPages.Write(study, Directory)).ToList();
        return set is null ? pages[0] : StudyPages.WriteSet(set, studies, Directory);
    }

    private Study Read(Recipe recipe, IReporter reporter)
    {
        var kept = new KeptUnits(recipe, Directory);
        var units = recipe.RandomSeeds.Select(kept.Load).OfType<Results>().ToList();
        var whole = units.Where(unit => HasAllOf(recipe, unit)).ToList();
        if (whole.Count < units.Count)
            reporter.Warn($"{recipe.Name}: {Seeds(units.Except(whole))} not shown: they are of other models or domains than the recipe's");
        WarnOfKeys(recipe, whole, reporter);
        var study = new Study(recipe, whole);
        TextDifference.Warn(study, reporter);
        return study;
    }

    private void WarnOfKeys(Recipe recipe, List<Results> units, IReporter reporter)
    {
        if (units.Count == 0) return;
        try
        {
            var hashes = new FileHashes(Path.Combine(Directory, RunRoot.InputsFileName));
            var other = units.Where(unit => new RecipeUnit(recipe.ForSeed(unit.RandomSeed), new PhaseStore(Directory), hashes).Key != unit.Key).ToList();
            if (other.Count > 0) reporter.Warn($"{recipe.Name}: {Seeds(other)} of another version of the recipe or its text, and shown all the same");
        }
        catch (Exception e) when (e is InvalidInputException or IOException)
        {
            reporter.Warn($"{recipe.Name}: shown, but whether the figures are of this recipe and text cannot be told here ({e.Message})");
        }
    }

    private static bool HasAllOf(Recipe recipe, Results unit)
    {
        string[] models = ["seed", .. recipe.Experts.Keys, .. recipe.Mixtures.Keys];
        return unit.Models.Select(model => model.Name).ToHashSet().SetEquals(models)
            && recipe.Domains.Keys.All(domain => unit.Models.All(model => model.Perplexity.ContainsKey(domain)));
    }

    private static string Seeds(IEnumerable<Results> units) =>
        $"the figures of seed {string.Join(", ", units.Select(unit => unit.RandomSeed.ToString(CultureInfo.InvariantCulture)))} are";
}
