using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>A table of the report: some of the models, beside the paper's figures.</summary>
internal sealed record RecipeTable
{
    [Key("what the table shows, such as 'Data-matched (Table 1)'")]
    public required string Title { get; init; }

    [Key("the models in the table's rows, in order")]
    public required IReadOnlyList<string> Models { get; init; }

    [Key("the domains in the table's columns, with their mean in the last; all if omitted")]
    public IReadOnlyList<string>? Domains { get; init; }

    [Key("the model that changes are relative to; none if omitted")]
    public string? Against { get; init; }

    [Key("the paper's figures by model and column, where it prints them")]
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>> Paper { get; init; } =
        new Dictionary<string, IReadOnlyDictionary<string, double>>();

    [Key("a sentence or two under the title: what a reader must know")]
    public string Note { get; init; } = "";
}

/// <summary>An order of models by perplexity that the report checks in each of the domains and in their mean.</summary>
internal sealed record RecipeClaim
{
    [Key(
        "models by perplexity, the lowest first, such as [bam, btx]: each is compared with the next, in every domain and in the "
        + "mean")]
    public required IReadOnlyList<string> Order { get; init; }

    [Key("the domains that the claim is about, whose mean decides; all if omitted")]
    public IReadOnlyList<string>? Domains { get; init; }

    [Key("what is claimed, in words")]
    public required string Says { get; init; }

    [Key("who claims it, such as 'BAM, Table 1'; if omitted, the order is an observation")]
    public string? Source { get; init; }
}
