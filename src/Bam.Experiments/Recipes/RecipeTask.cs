using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>A downstream task on which the models are measured.</summary>
internal sealed record RecipeTask
{
    [Key(
        "the task: a name as in 'bam eval tasks', or the path of a .yaml file, relative to the recipe; the section's name if "
        + "omitted")]
    public string? Task { get; init; }

    [Key("the items: a file, or a folder with the files of the data set", IsPath = true)]
    public required string File { get; init; }

    [Key("the file of the few-shot examples; if omitted, those that the task names, or else other items", IsPath = true)]
    public string? Examples { get; init; }

    [Key("the number of few-shot examples before each question; the task's if omitted", Minimum = 0)]
    public int? FewShot { get; init; }

    [Key("only the first items, or those of each of the task's subsets; all if omitted", Minimum = 1)]
    public int? Limit { get; init; }

    [Key("the most tokens of a generated answer; the task's if omitted", Minimum = 1)]
    public int? MaxTokens { get; init; }

    [Key("whether the programs that models write may be run, in a sandbox; humaneval and mbpp need it", ChangesResult = false)]
    public bool AllowCodeExecution { get; init; }

    [Key("the models that are measured; all if omitted")]
    public IReadOnlyList<string>? Models { get; init; }
}
