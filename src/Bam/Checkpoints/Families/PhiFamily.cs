namespace Bam.Checkpoints.Families;

/// <summary>Phi 1 to 2 (arXiv 2306.11644): parallel blocks with one norm, partly rotated heads, biases everywhere.</summary>
internal static class PhiFamily
{
    private const string Layer = "model.layers.{layer}.";

    public static readonly ModelFamily Family = new()
    {
        ModelType = "phi",
        Read = Read,
        Harmless = new Dictionary<string, string> { ["use_parallel_residual"] = "true" },
        Buffers = LlamaFamily.Buffers,
        Layouts =
        [
            new Dictionary<string, ModuleSource>
            {
                [$"{Layer}self_attn.q_norm"] = new ModuleSource.Module($"{Layer}self_attn.q_layernorm"),
                [$"{Layer}self_attn.k_norm"] = new ModuleSource.Module($"{Layer}self_attn.k_layernorm"),
                [$"{Layer}self_attn.o_proj"] = new ModuleSource.Module($"{Layer}self_attn.dense"),
                [$"{Layer}mlp.up_proj"] = new ModuleSource.Module($"{Layer}mlp.fc1"),
                [$"{Layer}mlp.down_proj"] = new ModuleSource.Module($"{Layer}mlp.fc2"),
                ["model.norm"] = new ModuleSource.Module("model.final_layernorm"),
            },
        ],
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var isNormed = fields.Flag("qk_layernorm", absent: false);
        var config = fields.Sizes(maxPositions: 2048) with
        {
            NormEps = fields.Number("layer_norm_eps", 1e-5),
            NormBias = true,
            GatedMlp = false,
            HiddenAct = fields.Activation("gelu_new"),
            MlpBias = true,
            AttentionBias = true,
            AttentionOutputBias = true,
            QueryKeyNorm = isNormed ? QueryKeyNorm.Shared : QueryKeyNorm.None,
            QueryKeyNormBias = isNormed,
            LmHeadBias = true,
        };
        fields.RequireNoWindow();
        return config.WithRotary(fields, rotaryFactor: 0.5, isPartial: true);
    }
}
