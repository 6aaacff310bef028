namespace Bam.Checkpoints.Families;

/// <summary>A family's defaults for its feed-forward experts.</summary>
/// <param name="Experts">M.</param>
/// <param name="ExpertsPerToken">k.</param>
/// <param name="BalanceWeight">The coefficient of the load-balancing loss, in transformers' meaning.</param>
/// <param name="Width">Their width; null if it is <c>intermediate_size</c>.</param>
internal sealed record ExpertDefaults(int Experts, int ExpertsPerToken, double BalanceWeight, int? Width = null);

/// <summary>The fields of Qwen's and OLMo's feed-forward experts: softmax over all, then the k largest.</summary>
internal static class ExpertFields
{
    /// <summary>A configuration with the experts of its file.</summary>
    public static ModelConfig WithExperts(this ModelConfig config, JsonFields fields, ExpertDefaults absent)
    {
        var (newer, older) = (fields.OptionalInt("num_local_experts"), fields.OptionalInt("num_experts"));
        if (newer is not null && older is not null && newer != older)
            fields.Refuse("num_experts", $"num_local_experts = {newer}", $"{older}", "correct one of the two");
        var perToken = fields.Int("num_experts_per_tok", absent.ExpertsPerToken);
        var width = absent.Width is { } usual ? fields.Int("moe_intermediate_size", usual) : config.IntermediateSize;
        var dense = DenseLayers(fields, config.NumHiddenLayers);
        var layers = Math.Max(1, config.NumHiddenLayers - dense.Count);
        return config with
        {
            IntermediateSize = width,
            NumLocalExperts = newer ?? older ?? absent.Experts,
            NumExpertsPerTok = perToken,
            NormTopkProb = fields.Flag("norm_topk_prob", absent: false),
            MlpOnlyLayers = dense,
            DenseIntermediateSize = dense.Count > 0 ? config.IntermediateSize : null,
            RouterAuxLossCoef = BalanceWeight.ToBam(
                fields.Number("router_aux_loss_coef", absent.BalanceWeight), perToken, layers),
            RouterZLossCoef = fields.Number("router_z_loss_coef", 0),
        };
    }

    // Experts are in every decoder_sparse_step-th layer, but not in those that mlp_only_layers names.
    private static ValueList<int> DenseLayers(JsonFields fields, int layers)
    {
        var step = fields.LayerInterval("decoder_sparse_step", 1);
        var named = fields.Integers("mlp_only_layers");
        if (step == 1 && named.Count == 0) return [];
        var known = Math.Clamp(layers, 0, ModelSizeRules.MostTensors);
        return [.. Enumerable.Range(0, known).Where(layer => named.Contains(layer) || (layer + 1) % step != 0)];
    }
}

/// <summary>The ways to store these experts: a module for each, or all in one tensor, as transformers 5 does in memory.</summary>
internal static class ExpertLayouts
{
    private const string Mlp = "model.layers.{layer}.mlp.";

    public static readonly IReadOnlyList<IReadOnlyDictionary<string, ModuleSource>> All =
    [
        new Dictionary<string, ModuleSource> { [$"{Mlp}router"] = new ModuleSource.Module($"{Mlp}gate") },
        InOneTensor,
    ];

    /// <summary>All experts of a layer in two tensors.</summary>
    public static IReadOnlyDictionary<string, ModuleSource> InOneTensor => new Dictionary<string, ModuleSource>
    {
        [$"{Mlp}router"] = new ModuleSource.Module($"{Mlp}gate"),
        [$"{Mlp}experts.{{expert}}.gate_proj"] = new ModuleSource.PartOfExperts($"{Mlp}experts.gate_up_proj", Part: 0, Parts: 2),
        [$"{Mlp}experts.{{expert}}.up_proj"] = new ModuleSource.PartOfExperts($"{Mlp}experts.gate_up_proj", Part: 1, Parts: 2),
        [$"{Mlp}experts.{{expert}}.down_proj"] = new ModuleSource.PartOfExperts($"{Mlp}experts.down_proj"),
    };
}
