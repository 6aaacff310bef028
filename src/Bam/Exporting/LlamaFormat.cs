using System.Text.Json.Nodes;
using Bam.Checkpoints;

namespace Bam.Exporting;

/// <summary>Llama, or with a window Mistral: dense models and soups of them.</summary>
internal sealed class LlamaFormat : SafetensorsFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits =
    [
        new(config => config.NumLocalExperts > 1, "feed-forward experts"),
        .. ExportLimit.OfLlama,
        ExportLimit.NeighbouringPairs,
        new(config => config.AttentionBias != config.AttentionOutputBias, "biases of queries, keys and values alone"),
        new(config => config.SlidingWindow is not null && (config.AttentionBias || config.MlpBias), "a sliding window and biases"),
    ];

    /// <inheritdoc/>
    public override string Name => "llama";

    /// <inheritdoc/>
    public override string Description => "dense models and soups of Llama's or Mistral's form";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    /// <inheritdoc/>
    protected override JsonObject ConfigOf(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
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
