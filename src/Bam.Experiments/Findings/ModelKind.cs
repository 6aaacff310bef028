namespace Bam.Experiments.Findings;

/// <summary>What a model of an experiment is.</summary>
internal enum ModelKind
{
    /// <summary>The dense model that every other one descends from.</summary>
    Seed,

    /// <summary>A copy of the seed, trained on one domain.</summary>
    Expert,

    /// <summary>A dense model trained on all domains, without experts.</summary>
    Dense,

    /// <summary>The uniform mean of dense models.</summary>
    Soup,

    /// <summary>One dense model copied into every expert.</summary>
    Sparse,

    /// <summary>Feed-forward experts and averaged attention (Branch-Train-MiX).</summary>
    Btx,

    /// <summary>Attention experts and feed-forward experts (Branch-Attend-Mix).</summary>
    Bam,
}
