using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>A budget that is taken from another mixture's.</summary>
internal sealed record BudgetMatch
{
    /// <summary>The other mixture.</summary>
    [Key("the mixture whose budget this one gets")]
    public required string Mixture { get; init; }

    /// <summary>In which measure.</summary>
    [Key("in which measure the budgets are equal")]
    public required MatchBy By { get; init; }
}
