using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>How the models are measured.</summary>
internal sealed record RecipeEvaluation
{
    /// <summary>T; null for the training's.</summary>
    [Key("the length of an evaluation window, in tokens; the seed's sequence_length when absent", Minimum = 1)]
    public int? SequenceLength { get; init; }

    /// <summary>The windows of one batch.</summary>
    [Key("the windows of one batch; changes speed and memory, not the result", Minimum = 1, ChangesResult = false)]
    public int BatchSize { get; init; } = 16;
}
