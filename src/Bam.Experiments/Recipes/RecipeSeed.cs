using Bam.Configuration;
using Bam.Training;

namespace Bam.Experiments.Recipes;

/// <summary>The dense model that experts and mixtures start from: trained by the recipe, or given as a checkpoint.</summary>
internal sealed record RecipeSeed
{
    [Key("a checkpoint directory, or BASE+ADAPTER; instead of training a seed", IsModel = true, ChangesResult = false)]
    public string? Checkpoint { get; init; }

    [Key(
        "the domains that the seed is trained on, with their shares; the general domain alone if omitted",
        Minimum = 0, AboveMinimum = true)]
    public IReadOnlyDictionary<string, double>? Shares { get; init; }

    [Flattened]
    public TrainingSettings Training { get; init; } = new() { LearningRate = 1e-3 };
}

/// <summary>A copy of the seed that is trained further on one domain, or a checkpoint of such a copy.</summary>
internal sealed record RecipeExpert
{
    [Key(
        "a checkpoint directory of a copy of the seed, or BASE+ADAPTER; instead of training one", IsModel = true,
        ChangesResult = false)]
    public string? Checkpoint { get; init; }

    [Key("the domain; the one with the expert's name if omitted")]
    public string? Domain { get; init; }

    [Key("the share of general text in the expert's training", Minimum = 0, Maximum = 1, BelowMaximum = true)]
    public double GeneralShare { get; init; } = 0.1;

    [Flattened]
    public TrainingSettings Training { get; init; } = new() { LearningRate = 1e-3 };

    /// <summary>The domain of the expert with this name.</summary>
    public string DomainOf(string name) => Domain ?? name;
}
