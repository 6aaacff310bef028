using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>A table of a study's report: some of its models, beside the paper's figures.</summary>
internal sealed record RecipeTable
{
    /// <summary>What it shows.</summary>
    [Key("what the table shows, as 'Data-matched (Table 1)'")]
    public required string Title { get; init; }

    /// <summary>The rows.</summary>
    [Key("the models in the table's rows, in order")]
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary>The columns; null for all domains.</summary>
    [Key("the domains in the table's columns, whose mean is the last; all when absent")]
    public IReadOnlyList<string>? Domains { get; init; }

    /// <summary>The model that changes are given against; null for none.</summary>
    [Key("the model that changes are given against; none when absent")]
    public string? Against { get; init; }

    /// <summary>The paper's figures by model and column, where it prints them.</summary>
    [Key("the paper's figures by model and column, where it prints them")]
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>> Paper { get; init; } =
        new Dictionary<string, IReadOnlyDictionary<string, double>>();

    /// <summary>What a reader must know to read it.</summary>
    [Key("a sentence or two under the title: what a reader must know")]
    public string Note { get; init; } = "";
}
