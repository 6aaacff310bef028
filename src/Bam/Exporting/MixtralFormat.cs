using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Families;

namespace Bam.Exporting;

/// <summary>Mixtral (arXiv 2401.04088): what BTX makes of Llama or Mistral with weights that are divided by their sum.</summary>
internal sealed class MixtralFormat : SafetensorsFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits =
    [
        new(config => config.NumLocalExperts == 1, "a dense feed-forward"),
        .. ExportLimit.OfLlama,
        ExportLimit.NeighbouringPairs,
        new(config => !config.NormTopkProb, "top-k weights that are not divided by their sum (norm_topk_prob)"),
        new(config => config.AttentionBias || config.AttentionOutputBias || config.MlpBias, "biases"),
    ];

    /// <inheritdoc/>
    public override string Name => "mixtral";

    /// <inheritdoc/>
    public override string Description => "BTX with renormalised weights, for transformers and vLLM";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    /// <inheritdoc/>
    protected override JsonObject ConfigOf(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var json = LlamaConfigJson.Of(config, "mixtral", "MixtralForCausalLM");
        json["sliding_window"] = config.SlidingWindow;
        json["num_local_experts"] = config.NumLocalExperts;
        json["num_experts_per_tok"] = config.NumExpertsPerTok;
        json["router_aux_loss_coef"] = MixtralBalance.FromBam(config.RouterAuxLossCoef, config.NumExpertsPerTok, config.NumHiddenLayers);
        // No key of transformers', which keeps what it does not know; Bam reads it back.
        json["router_z_loss_coef"] = config.RouterZLossCoef;
        json["output_router_logits"] = false;
        return json;
    }

    /// <inheritdoc/>
    private protected override void WarnOfLosses(ModelConfig config, IReporter reporter)
    {
        if (config.RouterZLossCoef > 0)
            reporter.Warn(string.Create(CultureInfo.InvariantCulture, $"router_z_loss_coef = {config.RouterZLossCoef}: transformers trains Mixtral without a z-loss; Bam reads the key back"));
    }

    /// <inheritdoc/>
    public override string NameOf(ParameterInfo parameter) => MixtralFamily.Family.StoredName(parameter);
}
