using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Studies;

/// <summary>
/// The files of a recipe's results inside the run's root. A recipe with <c>random_seeds</c> may share the root with others, so
/// its files carry its name; without them there is one unit, and the files are called <c>results</c> and <c>report</c>.
/// </summary>
internal sealed class StudyFiles(Recipe recipe, string runDirectory)
{
    /// <summary>The folder of the units' results, unless the recipe names another.</summary>
    public const string FolderName = "results";

    /// <summary>The report of a recipe with one unit, and of a set.</summary>
    public const string ReportName = "report.html";

    /// <summary>The figures behind the report, for programs.</summary>
    public const string FiguresJsonName = "figures.json";

    /// <summary>The measured figures as a table, for programs.</summary>
    public const string FiguresCsvName = "figures.csv";

    /// <summary>The figures on downstream tasks as a table.</summary>
    public const string TasksCsvName = "tasks.csv";

    private readonly string folder = recipe.Results ?? Path.Combine(runDirectory, FolderName);

    /// <summary>The report.</summary>
    public string Page => PathOf(ReportName, "html");

    /// <summary>The figures behind the report.</summary>
    public string Json => PathOf(FiguresJsonName, "json");

    /// <summary>The measured figures as a table.</summary>
    public string Csv => PathOf(FiguresCsvName, "csv");

    /// <summary>The figures on downstream tasks as a table, if the recipe has tasks.</summary>
    public string TasksCsv => PathOf(TasksCsvName, TasksCsvName);

    /// <summary>
    /// The files of a version of the recipe with <c>random_seeds</c> if this one has none, or without them if it has some.
    /// </summary>
    public StudyFiles OfOtherForm =>
        new(recipe with { RandomSeeds = recipe.HasOneUnit ? [recipe.RandomSeed] : [] }, runDirectory);

    /// <summary>The results of one unit.</summary>
    public string FileOf(long seed) => recipe.HasOneUnit
        ? Path.Combine(runDirectory, Results.FileName)
        : Path.Combine(folder, $"{recipe.Name}-seed-{seed}.json");

    /// <summary>
    /// The results of one unit, possibly of an older version of the recipe or its text; null if there are none.
    /// </summary>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    public Results? Load(long seed) => File.Exists(FileOf(seed)) ? Results.LoadFile(FileOf(seed)) : null;

    private string PathOf(string reportName, string extension) =>
        Path.Combine(runDirectory, recipe.HasOneUnit ? reportName : $"{recipe.Name}.{extension}");
}
