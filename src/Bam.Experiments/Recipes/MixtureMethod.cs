namespace Bam.Experiments.Recipes;

/// <summary>How a mixture is made of the seed and the experts.</summary>
internal enum MixtureMethod
{
    /// <summary>Attention experts and feed-forward experts (Branch-Attend-Mix).</summary>
    Bam,

    /// <summary>Feed-forward experts over averaged attention (Branch-Train-MiX).</summary>
    Btx,

    /// <summary>A dense model: the uniform average.</summary>
    Soup,

    /// <summary>The seed copied into every feed-forward expert (sparse upcycling).</summary>
    Sparse,

    /// <summary>The seed itself, dense, trained on: what the other methods have to beat.</summary>
    Dense,
}
