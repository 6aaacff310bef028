using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models.Costs;

/// <summary>What a model costs: parameters, floating-point operations, cache and memory. Pure arithmetic.</summary>
internal sealed record ModelCost
{
    /// <summary>The name that a table gives it.</summary>
    public required string Name { get; init; }

    public required ModelConfig Config { get; init; }

    public required ModelSize Size { get; init; }

    /// <summary>Its parameters by kind.</summary>
    public required IReadOnlyList<ComponentParameters> Components { get; init; }

    /// <summary>FLOPs of one token in one layer when the model is used, by the paper's convention.</summary>
    public required LayerFlops InferenceLayer { get; init; }

    /// <summary>The same over all layers, and the head.</summary>
    public required double InferenceFlops { get; init; }

    /// <summary>FLOPs of one token of training: 3 × forward, all layers and the head, attention scores causal.</summary>
    public required double TrainingFlops { get; init; }

    /// <summary>Bytes of keys and values for each token in float32.</summary>
    public required long CacheBytesFloat32 { get; init; }

    /// <summary>The same in bfloat16.</summary>
    public required long CacheBytesBfloat16 { get; init; }

    /// <summary>What training keeps in memory.</summary>
    public required TrainingMemory Memory { get; init; }

    /// <summary>The paper's figures of this model, if it is one of the paper's; those of FLOPs hold for its own n_ctx.</summary>
    public required IReadOnlyList<PaperFigure> Paper { get; init; }

    public static ModelCost Of(NamedModel model, CostSettings settings)
    {
        var (config, length) = (model.Config, settings.Length);
        return new()
        {
            Name = model.Name,
            Config = config,
            Size = ModelSize.Of(config),
            Components = ModelSize.ByKind(config),
            InferenceLayer = LayerFlops.Inference(config, length),
            InferenceFlops = ModelFlops.Inference(config, length),
            TrainingFlops = ModelFlops.Training(config, length),
            CacheBytesFloat32 = KeyValueCache.BytesPerToken(config, ScalarType.Float32),
            CacheBytesBfloat16 = KeyValueCache.BytesPerToken(config, ScalarType.BFloat16),
            Memory = TrainingMemory.Of(config, settings),
            Paper = PaperFigures.Of(config),
        };
    }
}

/// <summary>A model that need not exist, with its name in tables, such as "BAM shared KV".</summary>
internal sealed record NamedModel(string Name, ModelConfig Config);

/// <summary>What a cost depends on besides the model.</summary>
/// <param name="Length">n_ctx of inference, and T of training.</param>
/// <param name="BatchSize">B, the sequences of a micro-batch.</param>
/// <param name="Dtype">Compute dtype, float32 or bfloat16.</param>
internal sealed record CostSettings(int Length, int BatchSize, ScalarType Dtype)
{
    /// <summary>Whether a block keeps only its input and is computed again in backward.</summary>
    public bool ActivationCheckpointing { get; init; }

    /// <summary>Whether each of AdamW's moments is on one rank only (ZeRO-1, arXiv 1910.02054).</summary>
    public bool ShardOptimizer { get; init; }
}
