using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>
/// An order of models by perplexity that a study is held to, in every domain that it is about and in their mean.
/// </summary>
internal sealed record RecipeClaim
{
    /// <summary>Lowest perplexity first.</summary>
    [Key("models by perplexity, the lowest first, as [bam, btx]: each is compared with the next, in every domain and in the mean")]
    public required IReadOnlyList<string> Order { get; init; }

    /// <summary>The domains that it is about; null for all.</summary>
    [Key("the domains that it is about, whose mean decides; all when absent")]
    public IReadOnlyList<string>? Domains { get; init; }

    /// <summary>What is claimed, in words.</summary>
    [Key("what is claimed, in words")]
    public required string Says { get; init; }

    /// <summary>Who claims it.</summary>
    [Key("who claims it, as 'BAM, Table 1'; nobody when absent: the order is only looked at")]
    public string? Source { get; init; }
}
