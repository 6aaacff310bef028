namespace Bam.Checkpoints.Families;

/// <summary>
/// GPT-NeoX and Pythia (arXiv 2204.06745, 2304.01373): parallel blocks with two norms, or sequential ones; biases everywhere;
/// queries, keys and values in one matrix, head by head.
/// </summary>
internal static class GptNeoXFamily
{
    private const string Ours = "model.layers.{layer}.", Theirs = "gpt_neox.layers.{layer}.";

    private const string Fused = $"{Theirs}attention.query_key_value";

    public static readonly ModelFamily Family = new()
    {
        ModelType = "gpt_neox",
        Read = Read,
        Buffers = [".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"],
        Layouts =
        [
            new Dictionary<string, ModuleSource>
            {
                ["model.embed_tokens"] = new ModuleSource.Module("gpt_neox.embed_in"),
                [$"{Ours}input_layernorm"] = new ModuleSource.Module($"{Theirs}input_layernorm"),
                [$"{Ours}self_attn.q_proj"] = new ModuleSource.PartOfHeads(Fused, Part: 0, Parts: 3),
                [$"{Ours}self_attn.k_proj"] = new ModuleSource.PartOfHeads(Fused, Part: 1, Parts: 3),
                [$"{Ours}self_attn.v_proj"] = new ModuleSource.PartOfHeads(Fused, Part: 2, Parts: 3),
                [$"{Ours}self_attn.o_proj"] = new ModuleSource.Module($"{Theirs}attention.dense"),
                [$"{Ours}post_attention_layernorm"] = new ModuleSource.Module($"{Theirs}post_attention_layernorm"),
                [$"{Ours}mlp.up_proj"] = new ModuleSource.Module($"{Theirs}mlp.dense_h_to_4h"),
                [$"{Ours}mlp.down_proj"] = new ModuleSource.Module($"{Theirs}mlp.dense_4h_to_h"),
                ["model.norm"] = new ModuleSource.Module("gpt_neox.final_layer_norm"),
                ["lm_head"] = new ModuleSource.Module("embed_out"),
            },
        ],
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: true);
        var config = fields.Sizes(maxPositions: 2048) with
        {
            ParallelBlock = fields.Flag("use_parallel_residual", absent: true),
            SeparateNorms = true,
            NormEps = fields.Number("layer_norm_eps", 1e-5),
            NormBias = true,
            GatedMlp = false,
            HiddenAct = fields.Activation("gelu"),
            MlpBias = true,
            AttentionBias = bias,
            AttentionOutputBias = bias,
        };
        fields.RequireNoWindow();
        return config.WithRotary(
            fields, rotaryFactor: 0.25, isPartial: true, thetaKey: "rotary_emb_base", factorKey: "rotary_pct");
    }
}
