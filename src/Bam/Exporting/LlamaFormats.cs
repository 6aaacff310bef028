using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Families;
using Bam.Exporting.Limits;

namespace Bam.Exporting;

/// <summary>Llama, or Mistral if the model has a sliding window: dense models and soups.</summary>
internal sealed class LlamaFormat : FamilyFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits =
    [
        new(
            config => config.SlidingWindow is not null && (config.AttentionOutputBias || config.MlpBias),
            "a sliding window and biases"),
    ];

    public override string Name => "llama";

    public override string Description => "dense models and soups of Llama's or Mistral's form";

    private protected override ModelFamily Family => LlamaFamily.Family;

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    protected override JsonObject ConfigOf(ModelConfig config)
    {
        if (config.SlidingWindow is { } window)
        {
            var mistral = LlamaConfigJson.Of(config, "mistral", "MistralForCausalLM");
            mistral["sliding_window"] = window;
            return mistral;
        }

        var llama = LlamaConfigJson.Of(config, "llama", "LlamaForCausalLM");
        llama["attention_bias"] = config.AttentionBias;
        llama["mlp_bias"] = config.MlpBias;
        return llama;
    }
}

/// <summary>Mixtral (arXiv 2401.04088): BTX mixtures of Llama or Mistral models with normalized top-k weights.</summary>
internal sealed class MixtralFormat : FamilyFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits = [ExportLimit.Dense];

    public override string Name => "mixtral";

    public override string Description => "BTX with renormalised weights, for transformers and vLLM";

    private protected override ModelFamily Family => MixtralFamily.Family;

    private protected override string FamilyName => "Mixtral";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    protected override JsonObject ConfigOf(ModelConfig config)
    {
        var json = LlamaConfigJson.Of(config, "mixtral", "MixtralForCausalLM");
        json["sliding_window"] = config.SlidingWindow;
        json["num_local_experts"] = config.NumLocalExperts;
        json["num_experts_per_tok"] = config.NumExpertsPerTok;
        LlamaConfigJson.AddLosses(json, config);
        return json;
    }
}
