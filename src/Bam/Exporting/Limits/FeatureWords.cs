using Bam.Checkpoints;
using Bam.Configuration;

namespace Bam.Exporting.Limits;

/// <summary>What messages call the features of a model that a format does not express.</summary>
internal static class FeatureWords
{
    /// <summary>A key of the configuration and the words for a model's value, the most telling keys first.</summary>
    private static readonly IReadOnlyList<(string Property, Func<ModelConfig, string> Of)> Words =
    [
        (nameof(ModelConfig.NumLocalExperts), config =>
            config.NumLocalExperts > 1 ? "feed-forward experts" : "a dense feed-forward"),
        (nameof(ModelConfig.NumAttentionExperts), _ => "attention experts"),
        (nameof(ModelConfig.ParallelBlock), _ => "parallel blocks"),
        (nameof(ModelConfig.NormType), config => config.NormType == NormType.LayerNorm ? "LayerNorm" : "RMSNorm"),
        (nameof(ModelConfig.NormPlacement), config =>
            config.HasOutputNorms ? "norms of what the branches add" : "no norms of what the branches add"),
        (nameof(ModelConfig.NormBias), config => config.NormBias ? "norms with biases" : "norms without biases"),
        (nameof(ModelConfig.NormUnitOffset), _ => "norms that multiply by 1 + weight"),
        (nameof(ModelConfig.GatedMlp), config => config.GatedMlp ? "a SwiGLU" : "a feed-forward that is no SwiGLU"),
        (nameof(ModelConfig.HiddenAct), config => config is { GatedMlp: true, HiddenAct: not "silu" }
            ? "a feed-forward that is no SwiGLU"
            : $"the activation {config.HiddenAct}"),
        (nameof(ModelConfig.QueryKeyNorm), config =>
            config.QueryKeyNorm == QueryKeyNorm.None ? "no norms of queries and keys" : "norms of queries and keys"),
        (nameof(ModelConfig.PartialRotaryFactor), _ => "heads of which a part is rotated"),
        (nameof(ModelConfig.LogitScale), _ => "scaled logits"),
        (nameof(ModelConfig.LmHeadBias), _ => "a bias of the head"),
        (nameof(ModelConfig.RopeInterleaved), _ => "rotary pairs that are neighbours"),
        (nameof(ModelConfig.SharedExpertIntermediateSize), _ => "a shared expert"),
        (nameof(ModelConfig.NormTopkProb), config => config.NormTopkProb
            ? "top-k weights that are divided by their sum (norm_topk_prob)"
            : "top-k weights that are not divided by their sum (norm_topk_prob)"),
        (nameof(ModelConfig.MlpOnlyLayers), _ => "layers without experts (mlp_only_layers)"),
        (nameof(ModelConfig.AttentionOutputBias), config => (config.AttentionBias, config.AttentionOutputBias) switch
        {
            (true, false) => "biases of queries, keys and values alone",
            (_, true) => "a bias of attention's output",
            _ => "no bias of attention's output",
        }),
        (nameof(ModelConfig.AttentionBias), config =>
            config.AttentionBias ? "biases of queries, keys and values" : "no biases of queries, keys and values"),
        (nameof(ModelConfig.MlpBias), config => config.MlpBias ? "biases of the feed-forward" : "no biases of the feed-forward"),
        (nameof(ModelConfig.ClipQkv), _ => "clamped queries, keys and values (clip_qkv)"),
        (nameof(ModelConfig.AttentionMultiplier), _ => "another factor of the attention scores (attention_multiplier)"),
        (nameof(ModelConfig.AttnLogitSoftcapping), config =>
            config.AttnLogitSoftcapping is null ? "no soft cap of the attention scores" : "a soft cap of the attention scores"),
        (nameof(ModelConfig.FinalLogitSoftcapping), config =>
            config.FinalLogitSoftcapping is null ? "no soft cap of the logits" : "a soft cap of the logits"),
        (nameof(ModelConfig.EmbeddingMultiplier), _ => "another factor of the embeddings (embedding_multiplier)"),
        (nameof(ModelConfig.ResidualMultiplier), _ => "a factor of what the branches add (residual_multiplier)"),
        (nameof(ModelConfig.NoRopeLayers), _ => "layers without rotary embedding (no_rope_layers)"),
        (nameof(ModelConfig.RopeScaling), Scaling),
        (nameof(ModelConfig.RopeLocalBaseFreq), _ => "a rotary base of the layers with a window (rope_local_base_freq)"),
        (nameof(ModelConfig.SlidingWindow), _ => "a sliding window"),
        (nameof(ModelConfig.LayerTypes), _ => "a sliding window in some layers (layer_types)"),
        (nameof(ModelConfig.TieWordEmbeddings), config => config.TieWordEmbeddings ? "a tied head" : "a head of its own"),
    ];

    /// <summary>
    /// Words for the first feature by which two models give different results, as <paramref name="config"/> has it; null if they
    /// give the same. A key without words here is named as in <c>config.json</c>.
    /// </summary>
    public static string? FirstDifference(ModelConfig config, ModelConfig other)
    {
        var (first, second) = (Plainest(config), Plainest(other));
        var differing = ModelConfigJson.Keys
            .Where(key => key.Attribute.ChangesResult && !Equals(key.Get(first), key.Get(second)))
            .ToList();
        if (differing.Count == 0) return null;
        foreach (var (property, words) in Words)
        {
            if (differing.Exists(key => key.Property.Name == property)) return words(config);
        }

        var difference = ModelConfigComparison.Differences(config, other).First(found => found.Key == differing[0].Name);
        return $"{difference.Key} = {difference.First}";
    }

    /// <summary>The same model with defaults in place of values that mean the same.</summary>
    private static ModelConfig Plainest(ModelConfig config) => config with
    {
        NormTopkProb = config is { NormTopkProb: true, NumLocalExperts: > 1 },
        AttentionMultiplier =
            config.AttentionMultiplier == 1 / Math.Sqrt(config.HeadDim) ? null : config.AttentionMultiplier,
    };

    private static string Scaling(ModelConfig config) => config.RopeScaling switch
    {
        null => "no rope_scaling",
        { Llama4ScalingBeta: > 0 } => $"queries that grow with their position ({RotaryFields.QueryBeta})",
        { Type: RopeScalingType.Yarn } yarn => Yarn(yarn),
        var scaling => $"rope_scaling {SnakeCase.Of(scaling.Type)}",
    };

    private static string Yarn(RopeScaling scaling) =>
        FormattableString.Invariant($"rope_scaling yarn with attention_factor {scaling.AttentionFactor}, ")
        + FormattableString.Invariant($"beta_fast {scaling.BetaFast}, beta_slow {scaling.BetaSlow}")
        + (scaling.Truncate ? "" : ", not truncated");
}
