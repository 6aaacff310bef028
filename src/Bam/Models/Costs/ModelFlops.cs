using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>
/// Floating-point operations of a token, two for each multiply-add: matrix products only, routers, all layers and the head
/// included. Attention scores are counted causally: position t attends to t + 1 keys, (T + 1) / 2 on average.
/// </summary>
internal static class ModelFlops
{
    /// <summary>One token's forward pass in a window of T = <paramref name="length"/> tokens.</summary>
    public static double Forward(ModelConfig config, int length) =>
        Whole(config, layer => LayerFlops.Causal(config, length, layer));

    /// <summary>One token of training: the backward pass costs twice the forward pass.</summary>
    public static double Training(ModelConfig config, int length) => 3 * Forward(config, length);

    /// <summary>
    /// What one of <paramref name="expertRanks"/> ranks that share the experts computes for one token of training if every expert
    /// gets equally many tokens; each computes the head of 1/E of the tokens. Activation checkpointing adds a forward pass of the
    /// blocks.
    /// </summary>
    public static double Computed(ModelConfig config, CostSettings settings, int expertRanks = 1)
    {
        var blocks = Blocks(
            config, layer => LayerFlops.Causal(config, settings.Length, layer).OnRank(config, layer, expertRanks));
        return 3 * (blocks + Head(config) / expertRanks) + (settings.ActivationCheckpointing ? blocks : 0);
    }

    /// <summary>
    /// One token of inference that attends to <paramref name="context"/> positions: the layers as the paper counts them (Table
    /// 10), and the head, which the paper leaves out.
    /// </summary>
    public static double Inference(ModelConfig config, int context) =>
        Whole(config, layer => LayerFlops.Inference(config, context, layer));

    private static double Whole(ModelConfig config, Func<int, LayerFlops> flops) => Blocks(config, flops) + Head(config);

    private static double Blocks(ModelConfig config, Func<int, LayerFlops> flops) =>
        config.LayerTypes.Count == 0 && config.MlpOnlyLayers.Count == 0
            ? (double)config.NumHiddenLayers * flops(0).Total
            : Enumerable.Range(0, config.NumHiddenLayers).Sum(layer => (double)flops(layer).Total);

    private static double Head(ModelConfig config) => 2.0 * config.HiddenSize * config.VocabSize;
}

/// <summary>
/// Floating-point operations of one token in one layer by component, two for each multiply-add. There are two conventions, which
/// differ in the scores alone: <see cref="Inference"/> is the paper's, <see cref="Causal"/> is that of training.
/// </summary>
/// <remarks>
/// Sizes: d hidden, f feed-forward hidden, H·D and G·D the widths of one expert's queries and keys, N attention experts, of which
/// a token uses n (all, or k with top-k attention), M feed-forward experts, of which it uses k.
/// </remarks>
/// <param name="AttentionRouter">2·N·d; 0 when attention is dense.</param>
/// <param name="QueryKeyValue">2·d·H·D for each of n experts, and 4·d·G·D for each of N, or once if shared.</param>
/// <param name="Scores">What n experts' queries and keys, or weights and values, take; see the two conventions.</param>
/// <param name="OutputProjection">2·d·H·D for each of n experts.</param>
/// <param name="FeedForwardRouter">2·M·d; 0 when the feed-forward is dense.</param>
/// <param name="FeedForward">
/// 6·k·d·f, which the paper writes as 3·k·d·d_ff with d_ff = 2f; 4·k·d·f without a gate. A shared expert's are added.
/// </param>
internal sealed record LayerFlops(
    long AttentionRouter, long QueryKeyValue, long Scores, long OutputProjection, long FeedForwardRouter, long FeedForward)
{
    /// <summary>Attention without its router, as the paper's Table 7 prints it.</summary>
    public long Attention => QueryKeyValue + Scores + OutputProjection;

    public long Total => AttentionRouter + Attention + FeedForwardRouter + FeedForward;

    /// <summary>
    /// The paper's convention (Tables 7 and 10), for a token that attends to n_ctx positions: the product of queries and keys
    /// counts, 2·n_ctx·H·D for each expert, that of weights and values does not (as Kaplan et al. 2020, Table 1).
    /// </summary>
    public static LayerFlops Inference(ModelConfig config, int context, int layer = 0) =>
        Of(config, layer, 2L * Math.Min(context, Window(config, layer)));

    /// <summary>
    /// The convention of training: both products count, over the (T + 1) / 2 keys that a position attends to on average, which
    /// makes 2·(T + 1)·H·D for each expert; fewer within a sliding window.
    /// </summary>
    public static LayerFlops Causal(ModelConfig config, int length, int layer = 0) =>
        Of(config, layer, 4 * KeysOfAllPositions(length, Window(config, layer)) / length);

    /// <summary>
    /// The part of one of <paramref name="ranks"/> ranks that share the experts evenly. Routers, shared keys and values and dense
    /// branches are computed by each rank for all tokens, a shared feed-forward expert for 1/E of them.
    /// </summary>
    public LayerFlops OnRank(ModelConfig config, int layer, int ranks)
    {
        long d = config.HiddenSize;
        var (attention, feedForward) = (config.NumAttentionExperts > 1 ? ranks : 1, config.ExpertsOf(layer) > 1 ? ranks : 1);
        var shared = config.ShareKeyValue ? 4 * d * config.NumKeyValueHeads * config.HeadDim : 0;
        return this with
        {
            QueryKeyValue = shared + (QueryKeyValue - shared) / attention,
            Scores = Scores / attention,
            OutputProjection = OutputProjection / attention,
            FeedForward = FeedForward / feedForward,
        };
    }

    private static int Window(ModelConfig config, int layer) => config.WindowOf(layer) ?? int.MaxValue;

    private static long KeysOfAllPositions(long length, long window)
    {
        var growing = Math.Min(length, window);
        return growing * (growing + 1) / 2 + (length - growing) * growing;
    }

    private static LayerFlops Of(ModelConfig config, int layer, long scoresPerQuery)
    {
        long d = config.HiddenSize, f = config.FeedForwardWidthOf(layer), feedForwards = config.ExpertsOf(layer);
        long queryWidth = config.NumAttentionHeads * config.HeadDim, keyValueWidth = config.NumKeyValueHeads * config.HeadDim;
        long experts = config.NumAttentionExperts, keyValueExperts = config.ShareKeyValue ? 1 : experts;
        var used = config.AttentionRouting == AttentionRouting.TopK ? config.NumAttentionExpertsPerTok!.Value : experts;
        return new(
            AttentionRouter: experts > 1 ? 2 * experts * d : 0,
            QueryKeyValue: used * 2 * d * queryWidth + keyValueExperts * 4 * d * keyValueWidth,
            Scores: used * scoresPerQuery * queryWidth,
            OutputProjection: used * 2 * d * queryWidth,
            FeedForwardRouter: feedForwards > 1 ? 2 * feedForwards * d : 0,
            FeedForward: (config.GatedMlp ? 6 : 4) * d
                * (feedForwards > 1 ? config.NumExpertsPerTok * f + (config.SharedExpertIntermediateSize ?? 0) : f));
    }
}
