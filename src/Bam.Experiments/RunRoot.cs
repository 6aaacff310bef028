using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Bam.Files;

namespace Bam.Experiments;

/// <summary>The directory that recipes run in: what is found there before a run begins.</summary>
internal static class RunRoot
{
    /// <summary>The recipe with every default written out.</summary>
    public const string ResolvedRecipeFileName = "recipe.resolved.yaml";

    /// <summary>The hashes of the recipes' files.</summary>
    public const string InputsFileName = "inputs.json";

    /// <summary>The text of a smoke run.</summary>
    public const string TextFolderName = "text";

    /// <summary>Refuses a directory where a run would overwrite what is not a run's.</summary>
    /// <exception cref="InvalidInputException">It is, holds or lies in what a recipe reads, or holds files of those names without
    /// a run.</exception>
    public static void Require(string directory, IEnumerable<Recipe> recipes)
    {
        OutputPath.RequireWorkplace(directory, recipes.SelectMany(RecipeInputs.Of));
        if (IsBegun(directory)) return;
        string[] names =
        [
            ResolvedRecipeFileName, InputsFileName, TextFolderName, Results.FileName, PhaseStore.FolderName,
            StudyFiles.ReportName, StudyFiles.FiguresJsonName, StudyFiles.FiguresCsvName, StudyFiles.TasksCsvName,
        ];
        if (names.Select(name => Path.Combine(directory, name)).FirstOrDefault(Path.Exists) is { } found)
            throw new InvalidInputException($"{found}: already exists, but there is no run to continue; choose another --output");
    }

    /// <summary>
    /// Shrinks recipes and writes their text. The lock comes first: the text alone would not be known for a run's.
    /// </summary>
    /// <exception cref="InvalidInputException">Another process runs another recipe there.</exception>
    /// <exception cref="WorkFailedException">The text cannot be written.</exception>
    public static IReadOnlyList<Recipe> Smoke(IEnumerable<Recipe> recipes, string directory, string identity)
    {
        using var joined = RunLock.Join(directory, identity);
        return [.. recipes.Select(recipe => SmokeRecipe.Of(recipe, Path.Combine(Path.GetFullPath(directory), TextFolderName)))];
    }

    // Copies of a run may lack its hidden lock, and a run that was stopped early has nothing else.
    private static bool IsBegun(string directory) =>
        File.Exists(Path.Combine(directory, DirectoryLock.FileName)) || new PhaseStore(directory).HasAny;
}
