using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>What a user asks of a mixture.</summary>
public sealed record MixtureOptions
{
    /// <summary>The dense model that all others were copied from; its own expert, the first.</summary>
    public required string Seed { get; init; }

    /// <summary>The specialised copies, in the order of their experts.</summary>
    public IReadOnlyList<string> Experts { get; init; } = [];

    /// <summary>BAM: one K and V for all attention experts, their mean.</summary>
    public bool ShareKeyValue { get; init; }

    /// <summary>BAM: route attention to that many experts; null for soft routing.</summary>
    public int? AttentionTopK { get; init; }

    /// <summary>BAM: what the attention experts start from.</summary>
    public AttentionInitialization AttentionInitialization { get; init; }

    /// <summary>M, the feed-forward experts; null for as many as there are models. Those beyond are copies of the seed's.</summary>
    public int? FeedForwardExperts { get; init; }

    /// <summary>k, the feed-forward experts of one token; null for 1.</summary>
    public int? TopK { get; init; }

    /// <summary>Divide the k weights by their sum (Mixtral).</summary>
    public bool NormTopK { get; init; }

    /// <summary>The seed of the routers' random numbers.</summary>
    public long RouterSeed { get; init; }

    /// <summary>Compute the routers from text instead; null for random numbers.</summary>
    internal RouterTexts? RouterTexts { get; init; }

    /// <summary>How the mixture is written.</summary>
    internal ICheckpointForm Form { get; init; } = OwnForm.Instance;

    /// <summary>The output's dtype; null for the sources' when all agree, else float32.</summary>
    public TensorDtype? Dtype { get; init; }

    /// <summary>
    /// A weight of each model in the mean of what is not an expert, and of attention experts that start from the mean, in the order of the
    /// experts; they are divided by their sum. Null for the uniform mean.
    /// </summary>
    public IReadOnlyList<double>? Weights { get; init; }

    /// <summary>
    /// Take models with tokens beyond the seed's: the mixture has the largest vocabulary, and a row of the embeddings or of the head is
    /// the mean over the models that have it.
    /// </summary>
    public bool ResizeEmbeddings { get; init; }

    /// <summary>The most bytes of tensors in one file of the output.</summary>
    public long ShardBytes { get; init; } = 5_000_000_000;

    /// <summary>Look for NaN and infinity in all models before anything is written.</summary>
    public bool CheckFinite { get; init; }

    /// <summary>Every model once, in the order of the experts.</summary>
    public IReadOnlyList<string> Models => [Seed, .. Experts];
}
