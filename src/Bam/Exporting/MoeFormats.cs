using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Families;
using Bam.Configuration;
using Bam.Exporting.Limits;

namespace Bam.Exporting;

/// <summary>Qwen3-MoE (arXiv 2505.09388): BTX mixtures of Qwen3 models, with normalized top-k weights or not.</summary>
internal sealed class Qwen3MoeFormat : FamilyFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits = [ExportLimit.Dense];

    public override string Name => "qwen3_moe";

    public override string Description => "BTX of Qwen3 models, for transformers and vLLM";

    private protected override ModelFamily Family => Qwen3MoeFamily.Family;

    private protected override string FamilyName => "Qwen3-MoE";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    protected override JsonObject ConfigOf(ModelConfig config)
    {
        var json = QwenMoeConfigJson.Of(config, "qwen3_moe", "Qwen3MoeForCausalLM");
        json["attention_bias"] = config.AttentionBias;
        return json;
    }
}

/// <summary>
/// Qwen2-MoE (arXiv 2407.10671): BTX mixtures of Qwen2 models. A mixture without a shared expert gets one that adds nothing.
/// </summary>
internal sealed class Qwen2MoeFormat : FamilyFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits = [ExportLimit.Dense, ExportLimit.OtherHeadWidth];

    public override string Name => "qwen2_moe";

    public override string Description => "BTX of Qwen2 models, for transformers and vLLM";

    private protected override ModelFamily Family => Qwen2MoeFamily.Family;

    private protected override string FamilyName => "Qwen2-MoE";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    public override ModelConfig Complete(ModelConfig config) => NeutralSharedExpert.AddTo(config);

    protected override JsonObject ConfigOf(ModelConfig config)
    {
        var json = QwenMoeConfigJson.Of(config, "qwen2_moe", "Qwen2MoeForCausalLM");
        json["qkv_bias"] = config.AttentionBias;
        json["shared_expert_intermediate_size"] = config.SharedExpertIntermediateSize;
        if (config.SlidingWindow is not null)
            json["layer_types"] = new JsonArray([.. Enumerable.Range(0, config.NumHiddenLayers).Select(TypeOf)]);
        return json;

        JsonNode TypeOf(int layer) => JsonValue.Create(
            SnakeCase.Of(config.WindowOf(layer) is null ? LayerType.FullAttention : LayerType.SlidingAttention));
    }
}

/// <summary>
/// OLMoE (arXiv 2409.02060): mixtures of models with Llama's blocks, and norms over all query heads and over all
/// key heads.
/// </summary>
internal sealed class OlmoeFormat : FamilyFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits =
    [
        new(
            config => config.NormPlacement != NormPlacement.Input,
            "norms of what the branches add (OLMo 2), where OLMoE norms what they read"),
        ExportLimit.Dense,
        ExportLimit.OtherHeadWidth,
    ];

    public override string Name => "olmoe";

    public override string Description => "mixtures with norms of all queries and keys, for transformers and vLLM";

    private protected override ModelFamily Family => OlmoeFamily.Family;

    private protected override string FamilyName => "OLMoE";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    protected override JsonObject ConfigOf(ModelConfig config)
    {
        var json = LlamaConfigJson.Of(config, "olmoe", "OlmoeForCausalLM");
        json["attention_bias"] = config.AttentionBias;
        json["clip_qkv"] = config.ClipQkv;
        LlamaConfigJson.AddExperts(json, config);
        return json;
    }
}

/// <summary>The fields of <c>config.json</c> that the mixtures of Qwen share.</summary>
internal static class QwenMoeConfigJson
{
    public static JsonObject Of(ModelConfig config, string modelType, string architecture)
    {
        var json = LlamaConfigJson.Of(config, modelType, architecture);
        json["intermediate_size"] = config.DenseIntermediateSize ?? config.IntermediateSize;
        json["moe_intermediate_size"] = config.IntermediateSize;
        LlamaConfigJson.AddExperts(json, config);
        json["decoder_sparse_step"] = 1;
        json["mlp_only_layers"] = new JsonArray([.. config.MlpOnlyLayers.Select(layer => (JsonNode)layer)]);
        json["use_sliding_window"] = config.SlidingWindow is not null;
        json["sliding_window"] = config.SlidingWindow;
        // The first layer with the window, for versions of transformers that do not use it in all layers.
        json["max_window_layers"] = 0;
        return json;
    }
}
