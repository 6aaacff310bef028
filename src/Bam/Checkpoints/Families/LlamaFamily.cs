namespace Bam.Checkpoints.Families;

/// <summary>Llama 1 to 3 (arXiv 2302.13971, 2307.09288, 2407.21783). Its names are Bam's own.</summary>
internal static class LlamaFamily
{
    /// <summary>A table of each layer that older files carry.</summary>
    public static readonly IReadOnlyList<string> Buffers = [".rotary_emb.inv_freq"];

    /// <summary>The table.</summary>
    public static readonly ModelFamily Family = new() { ModelType = "llama", Read = Read, Buffers = Buffers };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        return Common(fields) with
        {
            AttentionBias = bias,
            AttentionOutputBias = bias,
            MlpBias = fields.Flag("mlp_bias", absent: false),
        };
    }

    /// <summary>The fields that Llama's relatives have too, and their form: sequential blocks, RMSNorm, SwiGLU.</summary>
    /// <param name="fields">The file.</param>
    /// <param name="maxPositions">The family's longest input, where the file says none; so are the others.</param>
    /// <param name="normEps">Added to the mean square.</param>
    /// <param name="theta">The rotary base.</param>
    /// <param name="keyValueHeads">Null for as many as query heads.</param>
    /// <param name="headDim">Null for d / H.</param>
    public static ModelConfig Common(
        JsonFields fields, int maxPositions = 2048, double normEps = 1e-6, double theta = 10_000, int? keyValueHeads = null, int? headDim = null)
    {
        var (hidden, heads) = (fields.Int("hidden_size"), fields.Int("num_attention_heads"));
        return new ModelConfig
        {
            VocabSize = fields.Int("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = fields.Int("intermediate_size"),
            NumHiddenLayers = fields.Int("num_hidden_layers"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = fields.Int("num_key_value_heads", keyValueHeads ?? heads),
            HeadDim = fields.Int("head_dim", headDim ?? hidden / Math.Max(1, heads)),
            MaxPositionEmbeddings = fields.Int("max_position_embeddings", maxPositions),
            ParallelBlock = false,
            NormType = NormType.RmsNorm,
            NormEps = fields.Number("rms_norm_eps", normEps),
            HiddenAct = fields.Activation("silu"),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", absent: false),
            BosTokenId = fields.TokenId("bos_token_id"),
            EosTokenId = fields.TokenId("eos_token_id"),
            TorchDtype = fields.Dtype(),
        }.WithRotary(fields, theta);
    }
}
