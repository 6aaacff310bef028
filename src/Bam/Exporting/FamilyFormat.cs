using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Families;
using Bam.Checkpoints.Opening;
using Bam.Exporting.Limits;

namespace Bam.Exporting;

/// <summary>
/// The format of a family that both transformers and Bam support. Models that the family's <c>config.json</c> cannot describe are
/// refused: Bam's reader of the family must give back the same model.
/// </summary>
internal abstract class FamilyFormat : SafetensorsFormat
{
    /// <summary>The family whose names the tensors have.</summary>
    private protected abstract ModelFamily Family { get; }

    /// <summary>What transformers calls the family, for messages.</summary>
    private protected virtual string FamilyName => Family.ModelType;

    public sealed override void Require(ModelConfig config, string where)
    {
        base.Require(config, where);
        ExportLimit.Require(config, where, [ExportLimit.GrowingQueries], Name);
        var complete = Complete(config);
        ExportLimit.RequireSame(complete, ReadBack(complete, where), where, Name);
    }

    public sealed override string NameOf(ParameterInfo parameter) => Family.StoredName(parameter);

    private protected sealed override void WarnOfLosses(ModelConfig config, IReporter reporter)
    {
        if (config is { NumLocalExperts: > 1, RouterZLossCoef: > 0 })
            reporter.Warn(
                FormattableString.Invariant($"router_z_loss_coef = {config.RouterZLossCoef}: ")
                + $"transformers trains {FamilyName} without a z-loss; Bam reads the key back");
        if (config.RopeScaling is { Type: RopeScalingType.Yarn } yarn
            && (double)config.MaxPositionEmbeddings / yarn.OriginalMaxPositionEmbeddings is var ratio && ratio != yarn.Factor)
        {
            reporter.Warn(
                FormattableString.Invariant($"rope_scaling: factor = {yarn.Factor}: transformers 4.49 to 4.57 take ")
                + FormattableString.Invariant($"max_position_embeddings / original_max_position_embeddings = {ratio} instead"));
        }
    }

    private ModelConfig ReadBack(ModelConfig config, string where)
    {
        try
        {
            return ModelConfigReader.Parse(ConfigOf(config).ToJsonString(), where, SilentReporter.Instance);
        }
        catch (InvalidInputException refusal)
        {
            throw ExportLimit.Refused(where, Name, $"settings that {FamilyName} does not have ({refusal.Message})");
        }
    }
}

/// <summary>The fields of <c>config.json</c> that the Llama architectures share, as read by transformers 4 and 5.</summary>
internal static class LlamaConfigJson
{
    public static JsonObject Of(ModelConfig config, string modelType, string architecture)
    {
        var json = Fields(config, modelType, architecture);
        // transformers 4 looks for it here, transformers 5 in rope_scaling.
        if (config.RopeScaling is { Type: RopeScalingType.Longrope } longrope)
            json["original_max_position_embeddings"] = longrope.OriginalMaxPositionEmbeddings;
        if (config.PadTokenId is { } padding) json["pad_token_id"] = padding;
        return json;
    }

    /// <summary>Adds the fields of feed-forward experts that Qwen's and OLMo's mixtures share.</summary>
    public static void AddExperts(JsonObject json, ModelConfig config)
    {
        json["num_experts"] = config.NumLocalExperts;
        json["num_experts_per_tok"] = config.NumExpertsPerTok;
        json["norm_topk_prob"] = config.NormTopkProb;
        AddLosses(json, config);
    }

    /// <summary>Adds the weights of the routers' losses.</summary>
    public static void AddLosses(JsonObject json, ModelConfig config)
    {
        json["router_aux_loss_coef"] = BalanceWeight.FromBam(
            config.RouterAuxLossCoef, config.NumExpertsPerTok, config.NumHiddenLayers - config.MlpOnlyLayers.Count);
        // Not a key of transformers, which keeps unknown keys; Bam reads it back.
        json["router_z_loss_coef"] = config.RouterZLossCoef;
        json["output_router_logits"] = false;
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
