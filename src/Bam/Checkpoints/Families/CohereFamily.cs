namespace Bam.Checkpoints.Families;

/// <summary>Command R: parallel blocks, LayerNorm without bias, interleaved pairs, scaled logits, Bam's own names.</summary>
internal static class CohereFamily
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "cohere",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
        Harmless = new Dictionary<string, string> { ["rope_interleaved"] = "true", ["use_parallel_residual"] = "true" },
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var config = Common(fields) with
        {
            QueryKeyNorm = fields.Flag("use_qk_norm", absent: false) ? QueryKeyNorm.PerHead : QueryKeyNorm.None,
        };
        fields.RequireNoWindow();
        if (!fields.Has("rope_theta") && !fields.Has("rope_parameters") && !fields.Has("rope_scaling"))
            fields.Warn("rope_theta", "no such key; 10000 is taken, as transformers 4 does; transformers 5 takes 500000");
        return config.WithRotary(fields);
    }

    /// <summary>What Cohere and Cohere 2 share.</summary>
    public static ModelConfig Common(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        return fields.Sizes(maxPositions: 8192, isTied: true) with
        {
            NormEps = fields.Number("layer_norm_eps", 1e-5),
            HiddenAct = fields.Activation("silu"),
            AttentionBias = bias,
            AttentionOutputBias = bias,
            RopeInterleaved = true,
            LogitScale = fields.Number("logit_scale", 0.0625),
        };
    }
}
