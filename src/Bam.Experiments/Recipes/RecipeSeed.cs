using Bam.Configuration;
using Bam.Training;

namespace Bam.Experiments.Recipes;

/// <summary>The dense model that everything branches from: trained by the recipe, or given as a checkpoint.</summary>
internal sealed record RecipeSeed
{
    /// <summary>A checkpoint; null to train one.</summary>
    [Key("a checkpoint directory; instead of training a seed", IsPath = true, ChangesResult = false)]
    public string? Checkpoint { get; init; }

    /// <summary>The shares of the domains it is trained on; null for the general domain alone.</summary>
    [Key("the domains that the seed is trained on, with their shares; the general domain alone when absent", Minimum = 0, AboveMinimum = true)]
    public IReadOnlyDictionary<string, double>? Shares { get; init; }

    /// <summary>How it is trained.</summary>
    [Flattened]
    public TrainingSettings Training { get; init; } = new() { LearningRate = 1e-3 };
}
