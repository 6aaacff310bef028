using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>How text becomes shards.</summary>
public sealed record RecipeData
{
    /// <summary>The part of a domain's text that models are measured on.</summary>
    [Key("the part of each domain's text that models are measured on and never trained on", Minimum = 0, AboveMinimum = true, Maximum = 0.5)]
    public double HeldOutFraction { get; init; } = 0.05;
}
