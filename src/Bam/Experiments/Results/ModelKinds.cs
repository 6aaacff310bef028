namespace Bam.Experiments.Results;

/// <summary>The values of <see cref="ModelResult.Kind"/>.</summary>
public static class ModelKinds
{
    /// <summary>The dense model that the others branch from.</summary>
    public const string Seed = "seed";

    /// <summary>A dense model continued on one domain.</summary>
    public const string Expert = "expert";

    /// <summary>A dense model: the uniform average of the seed and the experts.</summary>
    public const string Soup = "soup";

    /// <summary>Feed-forward experts over the average of the attentions (Branch-Train-MiX).</summary>
    public const string Btx = "btx";

    /// <summary>Feed-forward and attention experts (Branch-Attend-Mix).</summary>
    public const string Bam = "bam";

    /// <summary>One dense model copied into every expert (sparse upcycling).</summary>
    public const string Sparse = "sparse";
}
