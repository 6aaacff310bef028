namespace Bam.Checkpoints.Families;

/// <summary>Mixtral (arXiv 2401.04088): Mistral with feed-forward experts, whose k weights are divided by their sum.</summary>
internal static class MixtralFamily
{
    private const string Layer = "model.layers.{layer}.";

    public static readonly ModelFamily Family = new()
    {
        ModelType = "mixtral",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
        Harmless = new Dictionary<string, string> { ["norm_topk_prob"] = "true" },
        Layouts =
        [
            new Dictionary<string, ModuleSource>
            {
                [$"{Layer}mlp.router"] = new ModuleSource.Module($"{Layer}block_sparse_moe.gate"),
                [$"{Layer}mlp.experts.{{expert}}.gate_proj"] = new ModuleSource.Module(
                    $"{Layer}block_sparse_moe.experts.{{expert}}.w1"),
                [$"{Layer}mlp.experts.{{expert}}.up_proj"] = new ModuleSource.Module(
                    $"{Layer}block_sparse_moe.experts.{{expert}}.w3"),
                [$"{Layer}mlp.experts.{{expert}}.down_proj"] = new ModuleSource.Module(
                    $"{Layer}block_sparse_moe.experts.{{expert}}.w2"),
            },
            ExpertLayouts.InOneTensor,
        ],
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var config = LlamaFamily.Common(fields, maxPositions: 131_072, normEps: 1e-5, theta: 1e6, keyValueHeads: 8)
            .WithUniformWindow(fields, fields.OptionalInt("sliding_window"));
        var expertsPerToken = fields.Int("num_experts_per_tok", 2);
        return config with
        {
            NumLocalExperts = fields.Int("num_local_experts", 8),
            NumExpertsPerTok = expertsPerToken,
            NormTopkProb = true,
            RouterAuxLossCoef = BalanceWeight.ToBam(
                fields.Number("router_aux_loss_coef", 0.001), expertsPerToken, Math.Max(1, config.NumHiddenLayers)),
            RouterZLossCoef = fields.Number("router_z_loss_coef", 0),
        };
    }
}
