namespace Bam.Checkpoints.Families;

/// <summary>Command R: parallel blocks, LayerNorm without bias, pairs of neighbours, scaled logits. Its names are Bam's own.</summary>
internal static class CohereFamily
{
    /// <summary>The table.</summary>
    public static readonly ModelFamily Family = new()
    {
        ModelType = "cohere",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
        Harmless = new Dictionary<string, string?> { ["model_max_length"] = null },
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var (hidden, heads) = (fields.Int("hidden_size"), fields.Int("num_attention_heads"));
        var bias = fields.Flag("attention_bias", absent: false);
        return new ModelConfig
        {
            VocabSize = fields.Int("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = fields.Int("intermediate_size"),
            NumHiddenLayers = fields.Int("num_hidden_layers"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = fields.Int("num_key_value_heads", heads),
            HeadDim = hidden / Math.Max(1, heads),
            MaxPositionEmbeddings = fields.Int("max_position_embeddings", 8192),
            ParallelBlock = true,
            NormType = NormType.LayerNorm,
            NormEps = fields.Number("layer_norm_eps", 1e-5),
            HiddenAct = fields.Activation("silu"),
            AttentionBias = bias,
            AttentionOutputBias = bias,
            QueryKeyNorm = fields.Flag("use_qk_norm", absent: false) ? QueryKeyNorm.PerHead : QueryKeyNorm.None,
            RopeInterleaved = true,
            LogitScale = fields.Number("logit_scale", 0.0625),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", absent: true),
            BosTokenId = fields.TokenId("bos_token_id"),
            EosTokenId = fields.TokenId("eos_token_id"),
            TorchDtype = fields.Dtype(),
        }.WithRotary(fields);
    }
}
