using Bam.Configuration;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Studies;

/// <summary>
/// Several studies that belong together: they run in one directory and share the models that they have in common.
/// </summary>
internal sealed record StudySet
{
    /// <summary>Names that a study in a set cannot have, because other files of the run have them.</summary>
    private static readonly string[] TakenNames = ["report", "figures", "results", "inputs"];

    /// <summary>The name of the run; the file's folder when absent.</summary>
    [Key("the name of the run; the set's folder when absent")]
    public string Name { get; init; } = "";

    /// <summary>The title of the reports.</summary>
    [Key("the title of the set's report; its name when absent")]
    public string? Title { get; init; }

    /// <summary>What the set asks.</summary>
    [Key("what the set is about, in a sentence or two, for its report")]
    public string About { get; init; } = "";

    /// <summary>The recipes, absolute.</summary>
    [Key("the recipes of the set, each with random_seeds", IsPath = true)]
    public required IReadOnlyList<string> Studies { get; init; }

    /// <summary>True when the file holds a set and not a recipe.</summary>
    public static bool IsSet(string path) => File.Exists(path) && ConfigFile.Load(path).Children.ContainsKey("studies");

    /// <summary>Reads a set with its recipes, or a lone recipe; the text that recipes name is not looked at.</summary>
    /// <returns>The set, null for a recipe; and the recipes.</returns>
    /// <exception cref="InvalidInputException">Something is not as it must be; one line names it.</exception>
    internal static (StudySet? Set, IReadOnlyList<Recipe> Recipes) ReadRecipes(string path)
    {
        var set = IsSet(path) ? Read(path) : null;
        IReadOnlyList<string> files = set?.Studies ?? [path];
        var recipes = files.Select(RecipeReader.Read).ToList();
        if (set is null && recipes[0].HasOneUnit) return (null, recipes);
        if (recipes.FindIndex(recipe => recipe.HasOneUnit) is var without and >= 0)
            throw new InvalidInputException($"{files[without]}: key 'random_seeds' is missing; a study has one unit per seed");
        if (recipes.GroupBy(recipe => recipe.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new InvalidInputException(
                $"{path}: key 'studies': two recipes are called '{twice.Key}'; give one another 'name'");
        if (recipes.FindIndex(recipe => IsTaken(recipe.Name)) is var taken and >= 0)
            throw new InvalidInputException(
                $"{files[taken]}: a study cannot be called '{recipes[taken].Name}', because other files of its run are; "
                + "give it another 'name'");
        return (set, recipes);
    }

    /// <summary>True for a name that no recipe with <c>random_seeds</c> can have.</summary>
    // NAME.tasks.csv holds the figures on tasks of another study.
    internal static bool IsTaken(string name) => TakenNames.Contains(name) || name.EndsWith(".tasks", StringComparison.Ordinal);

    /// <summary>Reads a set's file; the recipes in it are not read.</summary>
    /// <exception cref="InvalidInputException">The file is not as it must be: one line names the place.</exception>
    public static StudySet Read(string path)
    {
        var set = ConfigFile.Read<StudySet>(path);
        if (set.Studies.Count == 0)
            throw new InvalidInputException($"{path}: key 'studies'", "at least one recipe", "none", "name the recipes");
        return set.Name.Length > 0 ? set : set with { Name = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path))!) };
    }
}
