using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>
/// Floating-point operations of a token, two for each multiply-add: matrix products only, routers, all layers and the head
/// included. Attention scores are counted causally: position t meets t + 1 keys, (T + 1) / 2 in the mean.
/// </summary>
internal static class ModelFlops
{
    /// <summary>One token's forward pass.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="length">T, the window.</param>
    public static double Forward(ModelConfig config, int length) => Whole(config, LayerFlops.Causal(config, length));

    /// <summary>One token of training: the backward pass costs twice the forward pass.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="length">T, the window.</param>
    public static double Training(ModelConfig config, int length) => 3 * Forward(config, length);

    /// <summary>One token when the model is used: the layers as the paper counts them (Table 10), and the head, which it leaves out.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="context">n_ctx, the positions that the token attends to.</param>
    public static double Inference(ModelConfig config, int context) => Whole(config, LayerFlops.Inference(config, context));

    private static double Whole(ModelConfig config, LayerFlops layer) =>
        (double)config.NumHiddenLayers * layer.Total + 2.0 * config.HiddenSize * config.VocabSize;
}
