using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>What a forward pass carries from block to block besides the residual stream; a block reads its own part.</summary>
/// <param name="Observers">One for each block; null for none.</param>
/// <param name="Cache">While decoding, the tokens so far.</param>
/// <param name="RouterLosses">While training, collects the auxiliary losses.</param>
/// <param name="Batch">Tokens of several sequences, each given as a sequence of length 1; null otherwise.</param>
internal readonly record struct ForwardContext(
    IReadOnlyList<IRoutingObserver>? Observers = null, KeyValueCache? Cache = null, RouterLosses? RouterLosses = null,
    DecodingBatch? Batch = null)
{
    /// <summary>The block, from 0.</summary>
    public int Layer { get; init; }

    /// <summary>The tokens so far; 0 for a batch.</summary>
    public int Start => Cache?.Length ?? 0;

    /// <summary>The tokens of the longest sequence after this pass.</summary>
    public int LengthAfter(long newTokens) => Batch?.Length ?? Start + (int)newTokens;

    /// <summary>The position of one of B·T tokens.</summary>
    public int PositionOf(int token, int length) => Batch?.Places.Positions[token] ?? Start + token % length;

    public IRoutingObserver? Observer => Observers?[Layer];

    /// <summary>The block's keys and values so far.</summary>
    public PastTokens? Past => Batch is { } batch ? batch.Cache.Layer(Layer, batch.Places) : Cache?.Layer(Layer);
}

/// <summary>
/// Receives the input of one block, and what its routers read and decide, in each pass. The tensors may carry a graph and must
/// not be kept.
/// </summary>
internal interface IRoutingObserver
{
    /// <summary>The residual stream before the block, [B, T, d].</summary>
    void AddResidual(Tensor x) { }

    /// <summary>The input of the attention router, [B, T, d], normed; of a dense block, what a router would read.</summary>
    void AddAttentionInput(Tensor h) { }

    /// <summary>The input of the feed-forward router, [B, T, d], normed; of a dense block, what a router would read.</summary>
    void AddFeedForwardInput(Tensor h) { }

    /// <summary>The attention gates, [B, T, N]: the softmax over all experts, before top-k attention drops the others.</summary>
    void AddGates(Tensor gates) { }

    /// <summary>The feed-forward assignments.</summary>
    /// <param name="chosen">[n, k], int64, largest probability first.</param>
    /// <param name="probabilities">[n, M], the softmax over all experts.</param>
    void AddAssignments(Tensor chosen, Tensor probabilities) { }
}
