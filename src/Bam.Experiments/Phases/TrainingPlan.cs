using Bam.Evaluation;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>How, on what and for how long a model is trained.</summary>
internal sealed record TrainingPlan
{
    /// <summary>How.</summary>
    public required TrainingSettings Settings { get; init; }

    /// <summary>On what.</summary>
    public required IReadOnlyList<DomainShare> Domains { get; init; }

    /// <summary>
    /// Finds the domains' shares where the recipe does not set them; null where <see cref="Domains"/> has them.
    /// </summary>
    public SharesPhase? Shares { get; init; }

    /// <summary>
    /// Finds the number of tokens where the recipe matches it to another mixture's; null where the settings have it.
    /// </summary>
    public BudgetPhase? Budget { get; init; }

    /// <summary>The tokenizer, which goes into the checkpoints.</summary>
    public required TokenizerPhase Tokenizer { get; init; }

    /// <summary>The domains that are measured while training, if the settings ask for it.</summary>
    public required IReadOnlyList<DataPhase> Measured { get; init; }

    /// <summary>The windows in which they are measured.</summary>
    public required PerplexityOptions Evaluation { get; init; }
}
