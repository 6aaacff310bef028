using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;

namespace Bam.Upcycling;

/// <summary>Settings of a mixture.</summary>
public sealed record MixtureOptions
{
    /// <summary>The dense model that all others were copied from; the first expert.</summary>
    public required string Seed { get; init; }

    /// <summary>The specialised copies, in the order of their experts.</summary>
    public IReadOnlyList<string> Experts { get; init; } = [];

    /// <summary>BAM: one K and V for all attention experts, their mean.</summary>
    public bool ShareKeyValue { get; init; }

    /// <summary>BAM: route attention to that many experts; null for soft routing.</summary>
    public int? AttentionTopK { get; init; }

    /// <summary>BAM: how the attention experts are initialised.</summary>
    public AttentionInitialization AttentionInitialization { get; init; }

    /// <summary>M, the feed-forward experts; null for one a model. More than models are copies of the seed's.</summary>
    public int? FeedForwardExperts { get; init; }

    /// <summary>k, the feed-forward experts of one token; null for 1.</summary>
    public int? TopK { get; init; }

    /// <summary>Divide the k weights by their sum (Mixtral).</summary>
    public bool NormTopK { get; init; }

    /// <summary>The seed of the routers' random numbers.</summary>
    public long RouterSeed { get; init; }

    /// <summary>Compute the routers from text; null for random routers.</summary>
    public RouterTexts? RouterTexts { get; init; }

    /// <summary>The form in which the mixture is written.</summary>
    internal ICheckpointForm Form { get; init; } = OwnForm.Instance;

    /// <summary>The output's dtype; null for the sources' when all agree, else float32.</summary>
    public TensorDtype? Dtype { get; init; }

    /// <summary>
    /// A weight of each model in the mean of what is not an expert, and of attention experts that start from the mean, in the
    /// order of the experts; they are divided by their sum. Null for the uniform mean.
    /// </summary>
    public IReadOnlyList<double>? Weights { get; init; }

    /// <summary>
    /// Take models with tokens beyond the seed's: the mixture has the largest vocabulary, and a row of the embeddings or of the
    /// head is the mean over the models that have it.
    /// </summary>
    public bool ResizeEmbeddings { get; init; }

    /// <summary>The most bytes of tensors in one file of the output.</summary>
    public long ShardBytes { get; init; } = 5_000_000_000;

    /// <summary>Look for NaN and infinity in all models before anything is written.</summary>
    public bool CheckFinite { get; init; }

    /// <summary>Every model once, in the order of the experts.</summary>
    public IReadOnlyList<string> Models => [Seed, .. Experts];

    /// <summary>M: the feed-forward experts, one of each model unless set.</summary>
    internal int ExpertCount => FeedForwardExperts ?? Models.Count;

    /// <summary>The seed's configuration with M feed-forward experts, k of them for a token.</summary>
    internal ModelConfig WithFeedForwardExperts(ModelConfig seed) =>
        seed with { NumLocalExperts = ExpertCount, NumExpertsPerTok = TopK ?? 1, NormTopkProb = NormTopK };
}

/// <summary>Initialisation of the attention experts of a BAM mixture. The paper copies; the others are for comparison.</summary>
public enum AttentionInitialization
{
    /// <summary>Every expert is its own model's attention (BAM, section 3.3).</summary>
    Copy,

    /// <summary>Every expert is the mean of all models' attention, as the one attention of BTX.</summary>
    Mean,

    /// <summary>Every expert is a mean in which its own model has weight ½ and the others share the rest.</summary>
    WeightedMean,

    /// <summary>Every expert is the seed's attention.</summary>
    Seed,

    /// <summary>Random numbers, N(0, σ = 0.02), without the models' attention.</summary>
    Random,
}

/// <summary>The texts that routers are calibrated on.</summary>
/// <param name="Inputs">A text of each model's domain, in the order of the experts: a file, a folder or a pattern.</param>
/// <param name="Tokens">The most tokens of each.</param>
public sealed record RouterTexts(IReadOnlyList<string> Inputs, int Tokens)
{
    /// <summary>How many unreadable lines of JSONL are skipped in each.</summary>
    public long SkipBadLines { get; init; }

    /// <summary>Where the seed reads them: "auto", "cpu" or "cuda:N".</summary>
    public string Device { get; init; } = "auto";
}
