using Bam.Checkpoints;
using Bam.Exporting.Limits;

namespace Bam.Exporting.Gguf;

/// <summary>
/// The architectures of llama.cpp, as its version 0.7.0 loads and computes them (its files src/models/*.cpp). The first that
/// computes a model exactly is taken, so special ones come before general ones.
/// </summary>
internal static class GgufArchitectures
{
    private const string SharedExpertLength = "expert_shared_feed_forward_length";

    private const string ExpertLength = "expert_feed_forward_length";

    /// <summary>The distance between the layers without rotary embedding in SmolLM3.</summary>
    private const int NoRopeLayerInterval = 4;

    public static readonly IReadOnlyList<GgufArchitecture> All =
    [
        new()
        {
            Name = "mistral3",
            Suits = config => config.RopeScaling is { Llama4ScalingBeta: > 0 },
            HasNeighbouringPairs = true,
            Computes = config => Plain(config) with
            {
                RopeInterleaved = config.RopeInterleaved,
                RopeScaling = Yarn(config.RopeScaling!) with { AttentionFactor = 1 },
            },
            AddSettings = (metadata, config) =>
                metadata.Add("mistral3.attention.temperature_scale", config.RopeScaling!.Llama4ScalingBeta),
        },
        GgufGemma.Gemma2,
        GgufGemma.Gemma3,
        new()
        {
            Name = "olmo2",
            Suits = config => config.NormPlacement == NormPlacement.Output,
            Computes = config => Plain(config) with
            {
                NormPlacement = NormPlacement.Output, QueryKeyNorm = QueryKeyNorm.AllHeads, NumLocalExperts = 1,
                RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn),
            },
            Limits = [ExportLimit.OtherHeadWidth],
            NeedsHead = true,
        },
        new()
        {
            Name = "olmoe",
            Suits = config => config.QueryKeyNorm == QueryKeyNorm.AllHeads,
            Computes = config => Plain(config) with
            {
                QueryKeyNorm = QueryKeyNorm.AllHeads, NormTopkProb = false,
                RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn),
            },
            Limits =
            [
                ExportLimit.Dense,
                ExportLimit.OtherHeadWidth,
                new(config => config.NumKeyValueHeads != config.NumAttentionHeads, "fewer key-value heads than query heads"),
            ],
            NeedsHead = true,
        },
        new()
        {
            Name = "starcoder2",
            Suits = config => config is { NormType: NormType.LayerNorm, ParallelBlock: false },
            Computes = config => Plain(config) with
            {
                NormType = NormType.LayerNorm, NormBias = true, GatedMlp = false, HiddenAct = "gelu_new", MlpBias = true,
                AttentionBias = true, AttentionOutputBias = true, NumLocalExperts = 1,
                RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn),
            },
            Limits = [ExportLimit.OtherHeadWidth],
        },
        new()
        {
            Name = "qwen3moe",
            Suits = config => config is { QueryKeyNorm: QueryKeyNorm.Shared, NumLocalExperts: > 1 },
            Computes = config => Plain(config) with
            {
                QueryKeyNorm = QueryKeyNorm.Shared, NormTopkProb = true,
                RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn),
            },
            AddSettings = (metadata, config) => metadata.Add($"qwen3moe.{ExpertLength}", config.IntermediateSize),
        },
        new()
        {
            Name = "qwen3",
            Suits = config => config.QueryKeyNorm == QueryKeyNorm.Shared,
            Computes = config => Plain(config) with
            {
                QueryKeyNorm = QueryKeyNorm.Shared, RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn),
            },
        },
        new()
        {
            Name = "qwen2moe",
            Suits = config => config.SharedExpertIntermediateSize is not null
                || config is { NumLocalExperts: > 1, NormTopkProb: false, AttentionBias: true, AttentionOutputBias: false },
            Complete = NeutralSharedExpert.AddTo,
            Computes = config => Plain(config) with
            {
                AttentionBias = config.AttentionBias, NormTopkProb = false,
                SharedExpertIntermediateSize = config.SharedExpertIntermediateSize,
                RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn),
            },
            Limits = [ExportLimit.Dense, ExportLimit.OtherHeadWidth],
            NeedsHead = true,
            AddSettings = (metadata, config) =>
            {
                metadata.Add($"qwen2moe.{ExpertLength}", config.IntermediateSize);
                metadata.Add($"qwen2moe.{SharedExpertLength}", config.SharedExpertIntermediateSize!.Value);
            },
        },
        new()
        {
            Name = "smollm3",
            Suits = config => config.NoRopeLayers.Count > 0,
            HasNeighbouringPairs = true,
            Computes = config => Plain(config) with
            {
                NoRopeLayers =
                [
                    .. Enumerable.Range(1, config.NumHiddenLayers).Select(
                        number => number % NoRopeLayerInterval == 0 ? 0 : 1),
                ],
                NumLocalExperts = 1, RopeInterleaved = config.RopeInterleaved,
                RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn),
            },
        },
        Granite("granite", config => config.NumLocalExperts == 1),
        Granite("granitemoe", config => config.NumLocalExperts > 1),
        new()
        {
            Name = "phi3",
            Suits = config =>
                config.RotaryDim != config.HeadDim || config.RopeScaling is { Type: RopeScalingType.Longrope },
            Computes = config => Plain(config) with
            {
                PartialRotaryFactor = config.PartialRotaryFactor, NumLocalExperts = 1,
                RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn, RopeScalingType.Longrope),
            },
            Limits = [ExportLimit.OtherHeadWidth],
            JoinsProjections = true,
            AddSettings = (metadata, _) => metadata.Add("phi3.attention.sliding_window", 0),
        },
        new()
        {
            Name = "qwen2",
            Suits = config => config is { AttentionBias: true, AttentionOutputBias: false },
            Computes = config => Plain(config) with
            {
                AttentionBias = true, NumLocalExperts = 1,
                RopeScaling = Scaling(config, RopeScalingType.Linear, RopeScalingType.Yarn),
            },
            Limits = [ExportLimit.OtherHeadWidth],
        },
        new()
        {
            Name = "llama",
            Suits = _ => true,
            HasNeighbouringPairs = true,
            Computes = config => Llama(config),
        },
    ];

    /// <summary>
    /// What all architectures compute: sequential blocks, RMSNorm, SwiGLU, whole heads rotated. Windows are those of the model,
    /// because the context is limited to one window if the architecture has none.
    /// </summary>
    public static ModelConfig Plain(ModelConfig config) => new()
    {
        VocabSize = config.VocabSize,
        HiddenSize = config.HiddenSize,
        IntermediateSize = config.IntermediateSize,
        NumHiddenLayers = config.NumHiddenLayers,
        NumAttentionHeads = config.NumAttentionHeads,
        NumKeyValueHeads = config.NumKeyValueHeads,
        HeadDim = config.HeadDim,
        MaxPositionEmbeddings = config.MaxPositionEmbeddings,
        ParallelBlock = false,
        NormType = NormType.RmsNorm,
        NormEps = config.NormEps,
        NormUnitOffset = config.NormUnitOffset,
        SlidingWindow = config.SlidingWindow,
        LayerTypes = config.LayerTypes,
        RopeTheta = config.RopeTheta,
        PartialRotaryFactor = config.RotaryDim == config.HeadDim ? config.PartialRotaryFactor : 1,
        TieWordEmbeddings = config.TieWordEmbeddings,
        NumLocalExperts = config.NumLocalExperts,
        NumExpertsPerTok = config.NumExpertsPerTok,
        NormTopkProb = true,
    };

    /// <summary>
    /// The model's scaling as llama.cpp computes it, null unless it is of one of the kinds. Dynamic scaling begins beyond the
    /// context.
    /// </summary>
    public static RopeScaling? Scaling(ModelConfig config, params ReadOnlySpan<RopeScalingType> kinds)
    {
        if (config.RopeScaling is not { } scaling) return null;
        if (scaling.Type == RopeScalingType.Dynamic) return scaling;
        if (!kinds.Contains(scaling.Type)) return null;
        return scaling.Type == RopeScalingType.Yarn ? Yarn(scaling) with { Llama4ScalingBeta = 0 } : scaling;
    }

    // llama.cpp 0.7.0 does not read the keys yarn_beta_fast and yarn_beta_slow, and has none for truncate.
    private static RopeScaling Yarn(RopeScaling scaling) => scaling with { BetaFast = 32, BetaSlow = 1, Truncate = true };

    private static ModelConfig Llama(ModelConfig config) => Plain(config) with
    {
        AttentionBias = config.AttentionBias,
        AttentionOutputBias = config.AttentionOutputBias,
        MlpBias = config.MlpBias && config.NumLocalExperts == 1,
        RopeInterleaved = config.RopeInterleaved,
        RopeScaling = Scaling(
            config, RopeScalingType.Linear, RopeScalingType.Llama3, RopeScalingType.Yarn, RopeScalingType.Longrope),
    };

    private static GgufArchitecture Granite(string name, Predicate<ModelConfig> suits) => new()
    {
        Name = name,
        Suits = config => suits(config) && config is not
        {
            EmbeddingMultiplier: 1, AttentionMultiplier: null, ResidualMultiplier: 1, LogitScale: 1,
        },
        HasNeighbouringPairs = true,
        Computes = config => Llama(config) with
        {
            EmbeddingMultiplier = config.EmbeddingMultiplier,
            AttentionMultiplier = config.AttentionMultiplier,
            ResidualMultiplier = config.ResidualMultiplier,
            LogitScale = config.LogitScale,
        },
        AddSettings = (metadata, config) =>
        {
            metadata.Add($"{name}.embedding_scale", config.EmbeddingMultiplier);
            metadata.Add($"{name}.attention.scale", config.AttentionMultiplier ?? 1 / Math.Sqrt(config.HeadDim));
            metadata.Add($"{name}.residual_scale", config.ResidualMultiplier);
            metadata.Add($"{name}.logit_scale", 1 / config.LogitScale);
        },
    };
}
