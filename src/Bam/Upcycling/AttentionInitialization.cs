namespace Bam.Upcycling;

/// <summary>What the attention experts of a BAM mixture start from. The paper copies; the others are for comparison.</summary>
public enum AttentionInitialization
{
    /// <summary>Every expert is its own model's attention (BAM, section 3.3).</summary>
    Copy,

    /// <summary>Every expert is the mean of all models' attention, which is what BTX has one of.</summary>
    Mean,

    /// <summary>Every expert is a mean in which its own model has weight ½ and the others share the rest.</summary>
    WeightedMean,

    /// <summary>Every expert is the seed's attention.</summary>
    Seed,

    /// <summary>Random numbers, N(0, σ = 0.02): nothing of the models' attention is kept.</summary>
    Random,
}
