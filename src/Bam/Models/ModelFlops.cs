using Bam.Checkpoints;

namespace Bam.Models;

/// <summary>
/// Floating-point operations of a token, two for each multiply-add: matrix products only, routers, all layers and the head
/// included. Attention scores are counted causally: position t meets t + 1 keys, (T + 1) / 2 in the mean.
/// </summary>
public static class ModelFlops
{
    /// <summary>One token's forward pass.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="length">T, the window.</param>
    public static double Forward(ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        double d = config.HiddenSize, f = config.IntermediateSize;
        double queryWidth = config.NumAttentionHeads * config.HeadDim, keyValueWidth = config.NumKeyValueHeads * config.HeadDim;
        double experts = config.NumAttentionExperts, keyValueExperts = config.ShareKeyValue ? 1 : experts;
        var used = config.AttentionRouting == AttentionRouting.TopK ? config.NumAttentionExpertsPerTok!.Value : experts;

        var attentionRouter = experts > 1 ? 2 * experts * d : 0;
        var projections = used * 2 * (2 * d * queryWidth) + keyValueExperts * 2 * (2 * d * keyValueWidth);
        var scores = used * 2 * (2 * queryWidth * (length + 1) / 2);  // Q Kᵀ, and the weights times V
        var feedForwardRouter = config.NumLocalExperts > 1 ? 2 * config.NumLocalExperts * d : 0;
        var feedForward = config.NumExpertsPerTok * 3 * 2 * d * f;
        return config.NumHiddenLayers * (attentionRouter + projections + scores + feedForwardRouter + feedForward) + 2 * d * config.VocabSize;
    }

    /// <summary>One token of training: the backward pass costs twice the forward pass.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="length">T, the window.</param>
    public static double Training(ModelConfig config, int length) => 3 * Forward(config, length);
}
