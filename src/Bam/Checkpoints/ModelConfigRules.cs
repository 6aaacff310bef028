using System.Globalization;
using Bam.Checkpoints.Safetensors;
using Bam.Configuration;

namespace Bam.Checkpoints;

/// <summary>The rules between the sizes of a <see cref="ModelConfig"/>.</summary>
internal static class ModelConfigRules
{
    private const string Positive = "a positive number";

    /// <summary>The activations that a feed-forward can have.</summary>
    private static readonly string[] Activations = ["silu", "gelu", "gelu_new"];

    private static readonly string[] Dtypes = ["float32", "bfloat16", "float16", "float64"];

    /// <summary>The integers with a range; those that every model has come first.</summary>
    private static readonly ConfigKey[] Sizes = [.. Ranged(typeof(int)), .. Ranged(typeof(int?))];

    /// <summary>The numbers above 0.</summary>
    private static readonly ConfigKey[] Numbers =
        [.. Ranged(typeof(double)).Concat(Ranged(typeof(double?))).Where(key => key.Attribute.AboveMinimum)];

    /// <summary>The numbers that may be 0.</summary>
    private static readonly ConfigKey[] LossWeights = [.. Ranged(typeof(double)).Where(key => !key.Attribute.AboveMinimum)];

    /// <summary>Refuses sizes that contradict each other, or that the weights stored beside the file cannot hold.</summary>
    /// <exception cref="InvalidInputException">A value is impossible, or two do not fit together.</exception>
    public static void Check(ModelConfig config, ConfigPlace where, ShardSet? stored = null)
    {
        CheckSizes(config, where);
        CheckNumbers(config, where);
        CheckRopeScaling(config, where);
        CheckLayers(config, where);
        CheckExperts(config, where);
        ModelSizeRules.Check(config, where, stored);
        if (config.BosTokenId is { } begin) CheckTokenId(where, "bos_token_id", begin, config.VocabSize);
        foreach (var end in config.EosTokenIds) CheckTokenId(where, "eos_token_id", end, config.VocabSize);
    }

    private static void CheckSizes(ModelConfig config, ConfigPlace where)
    {
        foreach (var size in Sizes) CheckRange(config, where, size);
        if (config.NumAttentionHeads % config.NumKeyValueHeads != 0)
        {
            throw Fault(
                where, "num_key_value_heads",
                $"a divisor of {where.Key("num_attention_heads")} = {config.NumAttentionHeads}", config.NumKeyValueHeads,
                "each key-value head serves the same number of query heads");
        }

        RequireFits(where, "head_dim", (long)config.NumAttentionExperts * config.NumAttentionHeads * config.HeadDim);
        RequireFits(where, "intermediate_size", 2L * config.NumLocalExperts * config.IntermediateSize);
    }

    private static void CheckNumbers(ModelConfig config, ConfigPlace where)
    {
        foreach (var number in Numbers) CheckRange(config, where, number);
        if (config.PartialRotaryFactor is not (> 0 and <= 1))
            throw Fault(
                where, "partial_rotary_factor", "a number above 0 and at most 1", config.PartialRotaryFactor,
                "it is the rotated part of each head");
        if (config.RotaryDim == 0 || config.RotaryDim % 2 != 0)
        {
            throw Fault(
                where, "partial_rotary_factor", $"an even number of rotated dimensions of head_dim = {config.HeadDim}",
                config.RotaryDim,
                $"rotary embedding turns pairs; correct head_dim or {where.Key("partial_rotary_factor")}");
        }

        if (!Activations.Contains(config.HiddenAct))
            throw Fault(where, "hidden_act", Quoted(Activations), $"\"{config.HiddenAct}\"", "Bam has no other activation");
        if (config.TorchDtype is { } dtype && !Dtypes.Contains(dtype))
            throw Fault(where, "torch_dtype", Quoted(Dtypes), $"\"{dtype}\"", "correct or remove it");
        foreach (var weight in LossWeights) CheckRange(config, where, weight);
    }

    private static void CheckRopeScaling(ModelConfig config, ConfigPlace where)
    {
        if (config.RopeScaling is not { } scaling) return;
        RequirePositive(where, "rope_scaling: factor", scaling.Factor);
        if (scaling.Type is RopeScalingType.Linear) return;
        if (scaling.Type is RopeScalingType.Dynamic)
        {
            if (config.RotaryDim < 4 || scaling.Factor < 1)
            {
                var factor = scaling.Factor.ToString(CultureInfo.InvariantCulture);
                throw Fault(
                    where, "rope_scaling", "a factor of at least 1 and at least 4 rotated dimensions with rope_type \"dynamic\"",
                    $"factor {factor}, {config.RotaryDim} dimensions", "correct it");
            }

            return;
        }

        RequirePositive(where, "rope_scaling: original_max_position_embeddings", scaling.OriginalMaxPositionEmbeddings);
        RequirePositive(where, "rope_scaling: attention_factor", scaling.AttentionFactor);
        switch (scaling.Type)
        {
            case RopeScalingType.Llama3:
                CheckRamp(where, scaling.LowFreqFactor, scaling.HighFreqFactor, "low_freq_factor", "high_freq_factor");
                break;
            case RopeScalingType.Yarn:
                if (scaling.Llama4ScalingBeta < 0)
                    throw Fault(
                        where, $"rope_scaling: {RotaryFields.QueryBeta}", "0 or a positive number", scaling.Llama4ScalingBeta,
                        "correct it");
                CheckRamp(where, scaling.BetaSlow, scaling.BetaFast, "beta_slow", "beta_fast");
                if (config.RopeTheta <= 1)
                    throw Fault(where, "rope_theta", "more than 1 with rope_type \"yarn\"", config.RopeTheta, "correct it");
                break;
            case RopeScalingType.Longrope:
                CheckPairs(where, "short_factor", scaling.ShortFactor, config.RotaryDim / 2);
                CheckPairs(where, "long_factor", scaling.LongFactor, config.RotaryDim / 2);
                break;
        }
    }

    private static void CheckRamp(ConfigPlace where, double low, double high, string lowKey, string highKey)
    {
        RequirePositive(where, $"rope_scaling: {lowKey}", low);
        if (!(high > low && double.IsFinite(high)))
            throw Fault(
                where, $"rope_scaling: {highKey}", $"more than {lowKey} = {low.ToString(CultureInfo.InvariantCulture)}", high,
                "correct it");
    }

    private static void CheckPairs(ConfigPlace where, string key, ValueList<double> factors, int pairs)
    {
        if (factors.Count != pairs)
            throw Fault(
                where, $"rope_scaling: {key}", $"{pairs} numbers, one for each pair of rotated dimensions", factors.Count,
                $"correct it, head_dim or {where.Key("partial_rotary_factor")}");
        foreach (var factor in factors) RequirePositive(where, $"rope_scaling: {key}", factor);
    }

    private static void CheckLayers(ModelConfig config, ConfigPlace where)
    {
        CheckLayerCount(config, where, "layer_types", config.LayerTypes.Count);
        CheckLayerCount(config, where, "no_rope_layers", config.NoRopeLayers.Count);
        if (config.NoRopeLayers.FirstOrDefault(flag => flag is not (0 or 1)) is not 0 and var other)
            throw Fault(
                where, "no_rope_layers", "1 for layers with rotary embedding and 0 for those without", other, "correct it");
        if (config.LayerTypes.Count > 0 && config.SlidingWindow is null)
            throw Fault(where, "layer_types", "no such key without sliding_window", config.LayerTypes.Count, "correct it");
        CheckDenseLayers(config, where);
        if (config is { QueryKeyNormBias: true, QueryKeyNorm: not QueryKeyNorm.Shared })
            throw Fault(
                where, "query_key_norm_bias", "false unless query_key_norm = \"shared\"", "true", "correct one of the two");
        if (config is { ParallelBlock: true, NormPlacement: not NormPlacement.Input })
            throw Fault(
                where, "norm_placement", "\"input\" with parallel_block = true", $"\"{SnakeCase.Of(config.NormPlacement)}\"",
                "correct one of the two");
    }

    private static void CheckDenseLayers(ModelConfig config, ConfigPlace where)
    {
        const string Key = "mlp_only_layers";
        if (config.MlpOnlyLayers.Count == 0) return;
        var other = config.MlpOnlyLayers.FirstOrDefault(layer => layer < 0 || layer >= config.NumHiddenLayers, -1);
        if (other >= 0 || config.MlpOnlyLayers.Min() < 0)
            throw Fault(
                where, Key, $"layers below {where.Key("num_hidden_layers")} = {config.NumHiddenLayers}", other, "correct it");
        if (config.NumLocalExperts == 1)
            throw Fault(
                where, Key, $"no such key with {where.Key("num_local_experts")} = 1",
                $"{config.MlpOnlyLayers.Count} layers without experts", "remove it");
        if (config.DenseIntermediateSize is null)
            throw Fault(where, "dense_intermediate_size", $"an integer with {Key}", "none", "add it");
    }

    private static void CheckLayerCount(ModelConfig config, ConfigPlace where, string key, int count)
    {
        if (count != 0 && count != config.NumHiddenLayers)
            throw Fault(
                where, key, $"an entry for each of {where.Key("num_hidden_layers")} = {config.NumHiddenLayers} layers", count,
                "correct it");
    }

    private static void CheckExperts(ModelConfig config, ConfigPlace where)
    {
        if (config.NumExpertsPerTok > config.NumLocalExperts)
        {
            throw Fault(
                where, "num_experts_per_tok", $"at most {where.Key("num_local_experts")} = {config.NumLocalExperts}",
                config.NumExpertsPerTok, "a token cannot go to more experts than there are");
        }

        if (config.ShareKeyValue && config.NumAttentionExperts == 1)
            throw Fault(
                where, "share_key_value", "false with num_attention_experts = 1", "true",
                "one attention expert has nobody to share with");
        const string PerToken = "num_attention_experts_per_tok";
        if (config.AttentionRouting == AttentionRouting.Soft)
        {
            if (config.NumAttentionExpertsPerTok is { } ignored)
                throw Fault(
                    where, PerToken, "null with attention_routing = \"soft\"", ignored,
                    "set attention_routing to \"top_k\" or remove it");
            return;
        }

        if (config.NumAttentionExperts == 1)
            throw Fault(
                where, "attention_routing", "\"soft\" with num_attention_experts = 1", "\"top_k\"",
                "one attention expert needs no routing");
        if (config.NumAttentionExpertsPerTok is not { } k)
            throw Fault(where, PerToken, "an integer with attention_routing = \"top_k\"", "none", "add it");
        if (k < 1 || k > config.NumAttentionExperts)
            throw Fault(where, PerToken, $"1 to num_attention_experts = {config.NumAttentionExperts}", k, "correct it");
    }

    private static void CheckTokenId(ConfigPlace where, string field, int id, int vocabSize)
    {
        if (id < 0 || id >= vocabSize)
            throw Fault(where, field, $"an id below vocab_size = {vocabSize}", id, "correct or remove it");
    }

    private static void RequirePositive(ConfigPlace where, string field, double value)
    {
        if (!(value > 0 && double.IsFinite(value))) throw Fault(where, field, Positive, value, "correct it");
    }

    private static IEnumerable<ConfigKey> Ranged(Type type) =>
        ModelConfigJson.Keys.Where(
            key => key.Property.PropertyType == type && double.IsFinite(key.Attribute.Minimum));

    private static void CheckRange(ModelConfig config, ConfigPlace where, ConfigKey key)
    {
        if (key.Get(config) is not { } value) return;
        var number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
        if (key.Attribute.Allows(number) && double.IsFinite(number))
        {
            // Tensors are multiplied by these in float32.
            if (float.IsFinite((float)number) && (number == 0 || (float)number != 0)) return;
            throw Fault(where, key.Name, "a number in the range of float32", number, "correct it");
        }

        throw Fault(where, key.Name, key.Attribute.Allows(0) ? "0 or a positive number" : Positive, number, "correct it");
    }

    private static void RequireFits(ConfigPlace where, string field, long fused)
    {
        if (fused > int.MaxValue)
            throw Fault(where, field, $"a fused width over all experts of at most {int.MaxValue}", fused, "is a size wrong?");
    }

    private static string Quoted(string[] names) => string.Join(" or ", names.Select(name => $"\"{name}\""));

    private static InvalidInputException Fault(
        ConfigPlace where, string field, string expected, IFormattable? found, string hint) =>
        Fault(where, field, expected, found?.ToString(null, CultureInfo.InvariantCulture) ?? "none", hint);

    private static InvalidInputException Fault(ConfigPlace where, string field, string expected, string found, string hint) =>
        new($"{where}: {where.Key(field)}", expected, found, hint);
}
