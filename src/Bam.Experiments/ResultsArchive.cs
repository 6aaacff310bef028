using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;

namespace Bam.Experiments;

/// <summary>
/// Reports from kept results alone: nothing is run, and neither the text nor the phases behind the results need be on this
/// machine.
/// </summary>
internal static class ResultsArchive
{
    /// <summary>The run whose <c>results.json</c> a directory holds, with the recipe that was stored with them.</summary>
    /// <exception cref="InvalidInputException">The results are missing or damaged.</exception>
    public static Study ReadRun(string runDirectory, IReporter reporter)
    {
        var results = Results.Load(runDirectory);
        return new Study(StoredRecipe(results, Path.Combine(runDirectory, Results.FileName), reporter), [results]);
    }

    /// <summary>
    /// Writes the reports of a recipe or a set into <paramref name="output"/>, or <c>runs/NAME</c> if null, where results are
    /// read, too, if the recipe names no other place. Warns of results that do not fit their recipe.
    /// </summary>
    /// <returns>The set's report, or the only recipe's.</returns>
    /// <exception cref="InvalidInputException">A file is not as it must be, or a recipe of one unit has no results.</exception>
    /// <exception cref="WorkFailedException">A file cannot be written.</exception>
    public static string WriteReports(string path, string? output, IReporter reporter)
    {
        var (set, recipes) = StudySet.ReadRecipes(path);
        var directory = Path.GetFullPath(output ?? Path.Combine("runs", set?.Name ?? recipes[0].Name));
        if (File.Exists(directory))
            throw new InvalidInputException(directory, "a run's directory", "a file", "choose another --output");
        var studies = recipes.Select(recipe => Read(recipe, directory, reporter)).ToList();
        if (set is null && studies[0].Units.Count == 0)
            throw new InvalidInputException(
                path,
                $"stored results of at least one random seed, as {FirstFileOf(recipes[0], directory)}",
                "none",
                "run 'bam run RECIPE' first, or name the directory of its run by --output");
        var pages = studies.Select(study => StudyReport.Write(study, directory)).ToList();
        return set is null ? pages[0] : SetReport.Write(set, studies, directory);
    }

    private static string FirstFileOf(Recipe recipe, string directory) =>
        new StudyFiles(recipe, directory).FileOf(recipe.UnitSeeds[0]);

    private static Study Read(Recipe recipe, string directory, IReporter reporter)
    {
        var files = new StudyFiles(recipe, directory);
        List<Results> units = recipe.HasOneUnit
            ? [Results.LoadFile(files.FileOf(recipe.RandomSeed))]
            : [.. recipe.UnitSeeds.Select(files.Load).OfType<Results>()];
        var whole = units.Where(unit => HasAllOf(recipe, unit)).ToList();
        if (whole.Count < units.Count)
            reporter.Warn(
                $"{recipe.Name}: {Seeds(units.Except(whole))} not shown: their models or domains differ from the recipe's");
        WarnOfKeys(recipe, directory, whole, reporter);
        var study = new Study(recipe, whole);
        TextDifference.Warn(study, reporter);
        return study;
    }

    private static void WarnOfKeys(Recipe recipe, string directory, List<Results> units, IReporter reporter)
    {
        if (units.Count == 0) return;
        try
        {
            var hashes = new FileHashes(Path.Combine(directory, RunRoot.InputsFileName));
            var other = units.Where(unit => KeyOf(recipe.ForSeed(unit.RandomSeed)) != unit.Key).ToList();
            if (other.Count > 0)
                reporter.Warn(
                    $"{recipe.Name}: {Seeds(other)} of another version of the recipe or its text; they are shown anyway");

            string KeyOf(Recipe unit) => new RecipeUnit(unit, new PhaseStore(directory), hashes).Key;
        }
        catch (Exception e) when (e is InvalidInputException or IOException)
        {
            reporter.Warn(
                $"{recipe.Name}: shown, but it cannot be checked here whether the figures belong to this recipe and text "
                + $"({e.Message})");
        }
    }

    private static bool HasAllOf(Recipe recipe, Results unit)
    {
        string[] models = ["seed", .. recipe.Experts.Keys, .. recipe.Mixtures.Keys];
        return unit.Models.Select(model => model.Name).ToHashSet().SetEquals(models)
            && recipe.Domains.Keys.All(domain => unit.Models.All(model => model.Perplexity.ContainsKey(domain)));
    }

    // Results of another version of Bam may hold a recipe that this one does not read. Their figures can be shown without it.
    private static Recipe StoredRecipe(Results results, string path, IReporter reporter)
    {
        var outline = new Recipe
        {
            Name = results.Recipe,
            RandomSeed = results.RandomSeed,
            Domains = results.Domains.ToDictionary(domain => domain, _ => new RecipeDomain { Files = [] }),
            Seed = new RecipeSeed(),
        };
        if (results.ResolvedRecipe.Length == 0) return outline;
        try
        {
            var recipe = RecipeReader.Parse(results.ResolvedRecipe, path) with { Name = results.Recipe };
            if (recipe.HasOneUnit && HasAllOf(recipe, results)) return recipe;
            reporter.Warn(
                $"{path}: the stored recipe has other models or domains than the results; the figures are shown without it");
        }
        catch (InvalidInputException e)
        {
            reporter.Warn(
                "the figures are shown without the recipe's tables and claims, because the stored recipe cannot be read "
                + $"({e.Message})");
        }

        return outline;
    }

    private static string Seeds(IEnumerable<Results> units)
    {
        var seeds = units.Select(unit => unit.RandomSeed.ToString(CultureInfo.InvariantCulture));
        return $"the figures of seed {string.Join(", ", seeds)} are";
    }
}
