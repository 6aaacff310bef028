using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Bam.Checkpoints;

/// <summary><see cref="ModelConfig"/> as JSON: the only place that pairs properties with keys of <c>config.json</c>.</summary>
internal static class ModelConfigJson
{
    /// <summary>The value of <c>model_type</c>.</summary>
    public const string ModelType = "bam";

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads all fields but <c>model_type</c>.</summary>
    public static ModelConfig Read(JsonFields fields)
    {
        var defaults = new ModelConfig
        {
            VocabSize = 0, HiddenSize = 0, IntermediateSize = 0, NumHiddenLayers = 0,
            NumAttentionHeads = 0, NumKeyValueHeads = 0, HeadDim = 0, MaxPositionEmbeddings = 0,
        };
        return new ModelConfig
        {
            VocabSize = fields.Int("vocab_size"),
            HiddenSize = fields.Int("hidden_size"),
            IntermediateSize = fields.Int("intermediate_size"),
            NumHiddenLayers = fields.Int("num_hidden_layers"),
            NumAttentionHeads = fields.Int("num_attention_heads"),
            NumKeyValueHeads = fields.Int("num_key_value_heads"),
            HeadDim = fields.Int("head_dim"),
            MaxPositionEmbeddings = fields.Int("max_position_embeddings"),
            ParallelBlock = fields.Flag("parallel_block", defaults.ParallelBlock),
            SeparateNorms = fields.Flag("separate_norms", defaults.SeparateNorms),
            NormType = fields.Choice("norm_type", defaults.NormType),
            NormEps = fields.Number("norm_eps", defaults.NormEps),
            NormBias = fields.Flag("norm_bias", defaults.NormBias),
            GatedMlp = fields.Flag("gated_mlp", defaults.GatedMlp),
            HiddenAct = fields.Text("hidden_act", defaults.HiddenAct),
            MlpBias = fields.Flag("mlp_bias", defaults.MlpBias),
            AttentionBias = fields.Flag("attention_bias", defaults.AttentionBias),
            AttentionOutputBias = fields.Flag("attention_output_bias", defaults.AttentionOutputBias),
            QueryKeyNorm = fields.Choice("query_key_norm", defaults.QueryKeyNorm),
            SlidingWindow = fields.SameWindowInAllLayers(fields.OptionalInt("sliding_window")),
            RopeInterleaved = fields.Flag("rope_interleaved", defaults.RopeInterleaved),
            LogitScale = fields.Number("logit_scale", defaults.LogitScale),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", defaults.TieWordEmbeddings),
            LmHeadBias = fields.Flag("lm_head_bias", defaults.LmHeadBias),
            NumAttentionExperts = fields.Int("num_attention_experts", defaults.NumAttentionExperts),
            AttentionRouting = fields.Choice("attention_routing", defaults.AttentionRouting),
            NumAttentionExpertsPerTok = fields.OptionalInt("num_attention_experts_per_tok"),
            ShareKeyValue = fields.Flag("share_key_value", defaults.ShareKeyValue),
            NumLocalExperts = fields.Int("num_local_experts", defaults.NumLocalExperts),
            NumExpertsPerTok = fields.Int("num_experts_per_tok", defaults.NumExpertsPerTok),
            NormTopkProb = fields.Flag("norm_topk_prob", defaults.NormTopkProb),
            RouterAuxLossCoef = fields.Number("router_aux_loss_coef", defaults.RouterAuxLossCoef),
            RouterZLossCoef = fields.Number("router_z_loss_coef", defaults.RouterZLossCoef),
            BosTokenId = fields.OptionalInt("bos_token_id"),
            EosTokenIds = fields.TokenIds("eos_token_id"),
            TorchDtype = fields.Dtype(),
        }.WithRotary(fields, defaults.RopeTheta, defaults.PartialRotaryFactor, isPartial: true);
    }

    public static string Write(ModelConfig config)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("model_type", ModelType);
            json.WriteStartArray("architectures");
            json.WriteStringValue("BamForCausalLM");
            json.WriteEndArray();
            json.WriteNumber("vocab_size", config.VocabSize);
            json.WriteNumber("hidden_size", config.HiddenSize);
            json.WriteNumber("intermediate_size", config.IntermediateSize);
            json.WriteNumber("num_hidden_layers", config.NumHiddenLayers);
            json.WriteNumber("num_attention_heads", config.NumAttentionHeads);
            json.WriteNumber("num_key_value_heads", config.NumKeyValueHeads);
            json.WriteNumber("head_dim", config.HeadDim);
            json.WriteNumber("max_position_embeddings", config.MaxPositionEmbeddings);
            json.WriteBoolean("parallel_block", config.ParallelBlock);
            WriteIfSet(json, "separate_norms", config.SeparateNorms);
            json.WriteString("norm_type", JsonFields.SnakeCase(config.NormType));
            json.WriteNumber("norm_eps", config.NormEps);
            WriteIfSet(json, "norm_bias", config.NormBias);
            if (!config.GatedMlp) json.WriteBoolean("gated_mlp", false);
            json.WriteString("hidden_act", config.HiddenAct);
            WriteIfSet(json, "mlp_bias", config.MlpBias);
            WriteIfSet(json, "attention_bias", config.AttentionBias);
            WriteIfSet(json, "attention_output_bias", config.AttentionOutputBias);
            if (config.QueryKeyNorm != QueryKeyNorm.None)
                json.WriteString("query_key_norm", JsonFields.SnakeCase(config.QueryKeyNorm));
            if (config.SlidingWindow is { } window) json.WriteNumber("sliding_window", window);
            json.WriteNumber("rope_theta", config.RopeTheta);
            if (config.RopeScaling is { } scaling) WriteScaling(json, scaling);
            json.WriteBoolean("rope_interleaved", config.RopeInterleaved);
            json.WriteNumber("partial_rotary_factor", config.PartialRotaryFactor);
            json.WriteNumber("logit_scale", config.LogitScale);
            json.WriteBoolean("tie_word_embeddings", config.TieWordEmbeddings);
            WriteIfSet(json, "lm_head_bias", config.LmHeadBias);
            json.WriteNumber("num_attention_experts", config.NumAttentionExperts);
            json.WriteString("attention_routing", JsonFields.SnakeCase(config.AttentionRouting));
            WriteOptional(json, "num_attention_experts_per_tok", config.NumAttentionExpertsPerTok);
            json.WriteBoolean("share_key_value", config.ShareKeyValue);
            json.WriteNumber("num_local_experts", config.NumLocalExperts);
            json.WriteNumber("num_experts_per_tok", config.NumExpertsPerTok);
            json.WriteBoolean("norm_topk_prob", config.NormTopkProb);
            json.WriteNumber("router_aux_loss_coef", config.RouterAuxLossCoef);
            json.WriteNumber("router_z_loss_coef", config.RouterZLossCoef);
            WriteOptional(json, "bos_token_id", config.BosTokenId);
            WriteIds(json, "eos_token_id", config.EosTokenIds);
            if (config.PadTokenId is { } padding) json.WriteNumber("pad_token_id", padding);
            if (config.TorchDtype is { } dtype) json.WriteString("torch_dtype", dtype);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
    }

    private static void WriteScaling(Utf8JsonWriter json, RopeScaling scaling)
    {
        json.WriteStartObject("rope_scaling");
        json.WriteString("rope_type", JsonFields.SnakeCase(scaling.Type));
        json.WriteNumber("factor", scaling.Factor);
        if (scaling.Type == RopeScalingType.Llama3)
        {
            json.WriteNumber("low_freq_factor", scaling.LowFreqFactor);
            json.WriteNumber("high_freq_factor", scaling.HighFreqFactor);
            json.WriteNumber("original_max_position_embeddings", scaling.OriginalMaxPositionEmbeddings);
        }

        json.WriteEndObject();
    }

    // Most models have none of these; their files stay as short as they were.
    private static void WriteIfSet(Utf8JsonWriter json, string key, bool value)
    {
        if (value) json.WriteBoolean(key, value);
    }

    private static void WriteOptional(Utf8JsonWriter json, string key, int? value)
    {
        if (value is { } number) json.WriteNumber(key, number);
        else json.WriteNull(key);
    }

    // As Hugging Face has it: null, one id, or a list of them.
    private static void WriteIds(Utf8JsonWriter json, string key, TokenIds ids)
    {
        if (ids.Count < 2)
        {
            WriteOptional(json, key, ids.First);
            return;
        }

        json.WriteStartArray(key);
        foreach (var id in ids) json.WriteNumberValue(id);
        json.WriteEndArray();
    }
}
