using Bam.Configuration;
using Bam.Training;

namespace Bam.Experiments.Recipes;

/// <summary>A copy of the seed, continued on one domain; or a checkpoint of such a copy.</summary>
internal sealed record RecipeExpert
{
    /// <summary>A checkpoint; null to train one.</summary>
    [Key("a checkpoint directory of a specialised copy of the seed; instead of training one", IsPath = true, ChangesResult = false)]
    public string? Checkpoint { get; init; }

    /// <summary>The domain; null for the one of the expert's own name.</summary>
    [Key("the domain; the one of the expert's name when absent")]
    public string? Domain { get; init; }

    /// <summary>The share of general text in continued pre-training.</summary>
    [Key("the share of general text in the expert's training", Minimum = 0, Maximum = 1, BelowMaximum = true)]
    public double GeneralShare { get; init; } = 0.1;

    /// <summary>How it is trained.</summary>
    [Flattened]
    public TrainingSettings Training { get; init; } = new() { LearningRate = 1e-3 };

    /// <summary>The domain of the expert that has the given name.</summary>
    public string DomainOf(string name) => Domain ?? name;
}
