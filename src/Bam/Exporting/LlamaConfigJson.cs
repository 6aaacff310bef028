using System.Text.Json.Nodes;
using Bam.Checkpoints;

namespace Bam.Exporting;

/// <summary>The fields of <c>config.json</c> that Llama's relatives share, as transformers 4 and 5 read them.</summary>
internal static class LlamaConfigJson
{
    /// <summary>The fields.</summary>
    /// <param name="config">The model.</param>
    /// <param name="modelType"><c>model_type</c>.</param>
    /// <param name="architecture">The class that loads it.</param>
    public static JsonObject Of(ModelConfig config, string modelType, string architecture)
    {
        var json = Fields(config, modelType, architecture);
        if (config.PadTokenId is { } padding) json["pad_token_id"] = padding;
        return json;
    }

    private static JsonObject Fields(ModelConfig config, string modelType, string architecture) => new()
    {
        ["architectures"] = new JsonArray(architecture),
        ["model_type"] = modelType,
        ["vocab_size"] = config.VocabSize,
        ["hidden_size"] = config.HiddenSize,
        ["intermediate_size"] = config.IntermediateSize,
        ["num_hidden_layers"] = config.NumHiddenLayers,
        ["num_attention_heads"] = config.NumAttentionHeads,
        ["num_key_value_heads"] = config.NumKeyValueHeads,
        ["head_dim"] = config.HeadDim,
        ["hidden_act"] = config.HiddenAct,
        ["max_position_embeddings"] = config.MaxPositionEmbeddings,
        ["rms_norm_eps"] = config.NormEps,
        ["rope_theta"] = config.RopeTheta,
        ["rope_scaling"] = config.RopeScaling is null ? null : JsonNode.Parse(config.ToJson())!["rope_scaling"]!.DeepClone(),
        ["tie_word_embeddings"] = config.TieWordEmbeddings,
        ["bos_token_id"] = config.BosTokenId,
        ["eos_token_id"] = JsonNode.Parse(config.ToJson())!["eos_token_id"]?.DeepClone(),
        ["torch_dtype"] = config.TorchDtype,
    };
}
