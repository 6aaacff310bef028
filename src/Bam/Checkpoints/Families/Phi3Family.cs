namespace Bam.Checkpoints.Families;

/// <summary>
/// Phi 3, 3.5 and 4 (arXiv 2404.14219, 2412.08905): Llama with queries, keys and values in one matrix, and gate and up in
/// another; LongRoPE for long inputs.
/// </summary>
internal static class Phi3Family
{
    private const string Layer = "model.layers.{layer}.";

    private const string Fused = $"{Layer}self_attn.qkv_proj", FusedMlp = $"{Layer}mlp.gate_up_proj";

    public static readonly ModelFamily Family = new()
    {
        ModelType = "phi3",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
        Ignored = ["attention_bias", "mlp_bias", "lm_head_bias"],
        Layouts =
        [
            new Dictionary<string, ModuleSource>
            {
                [$"{Layer}self_attn.q_proj"] = ModuleSource.Rows.OfQueries(Fused),
                [$"{Layer}self_attn.k_proj"] = ModuleSource.Rows.OfKeys(Fused),
                [$"{Layer}self_attn.v_proj"] = ModuleSource.Rows.OfValues(Fused),
                [$"{Layer}mlp.gate_proj"] = new ModuleSource.Rows(FusedMlp, _ => 0, config => 2L * config.IntermediateSize),
                [$"{Layer}mlp.up_proj"] = new ModuleSource.Rows(
                    FusedMlp, config => config.IntermediateSize, config => 2L * config.IntermediateSize),
            },
        ],
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var config = LlamaFamily.Form(fields, maxPositions: 4096, normEps: 1e-5);
        return config.WithUniformWindow(fields, fields.OptionalInt("sliding_window"))
            .WithRotary(fields, isPartial: true, originalLength: 4096, longropeNames: ["su", "yarn"]);
    }
}
