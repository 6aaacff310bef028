namespace Bam.Checkpoints.Families;

/// <summary>StarCoder 2 (arXiv 2402.19173): sequential blocks with LayerNorm, a feed-forward without gate, biases.</summary>
internal static class Starcoder2Family
{
    private const string Layer = "model.layers.{layer}.";

    public static readonly ModelFamily Family = new()
    {
        ModelType = "starcoder2",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
        Ignored = ["norm_type", "mlp_type", "activation_function"],
        Layouts =
        [
            new Dictionary<string, ModuleSource>
            {
                [$"{Layer}mlp.up_proj"] = new ModuleSource.Module($"{Layer}mlp.c_fc"),
                [$"{Layer}mlp.down_proj"] = new ModuleSource.Module($"{Layer}mlp.c_proj"),
            },
        ],
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("use_bias", absent: true);
        var config = fields.Sizes(maxPositions: 4096, isTied: true, keyValueHeads: 2) with
        {
            ParallelBlock = false,
            NormEps = fields.Number("norm_epsilon", 1e-5),
            NormBias = true,
            GatedMlp = false,
            HiddenAct = fields.Activation("gelu_pytorch_tanh"),
            MlpBias = bias,
            AttentionBias = bias,
            AttentionOutputBias = bias,
        };
        return config.WithUniformWindow(fields, fields.OptionalInt("sliding_window")).WithRotary(fields);
    }
}
