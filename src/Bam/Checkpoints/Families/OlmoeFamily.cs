namespace Bam.Checkpoints.Families;

/// <summary>OLMoE (arXiv 2409.02060): Llama with feed-forward experts, and norms of all queries and of all keys.</summary>
internal static class OlmoeFamily
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "olmoe",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
        Layouts = ExpertLayouts.All,
        Ignored = ["moe_intermediate_size", "decoder_sparse_step", "mlp_only_layers"],
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        var config = LlamaFamily.Common(fields, maxPositions: 4096, normEps: 1e-5) with
        {
            QueryKeyNorm = QueryKeyNorm.AllHeads,
            ClipQkv = fields.OptionalNumber("clip_qkv"),
            AttentionBias = bias,
            AttentionOutputBias = bias,
        };
        fields.RequireNoWindow();
        return config.WithExperts(fields, new(Experts: 64, ExpertsPerToken: 8, BalanceWeight: 0.01));
    }
}
