using Bam.Torch;

namespace Bam.Models;

/// <summary>Told what comes into one block, and what its routers read and decide, pass by pass. The tensors may carry a graph and must not be kept.</summary>
internal interface IRoutingObserver
{
    /// <summary>The residual stream as it comes into the block.</summary>
    /// <param name="x">[B, T, d].</param>
    void AddResidual(Tensor x) { }

    /// <summary>What the attention router reads, or would in a dense block; told before the router is applied.</summary>
    /// <param name="h">[B, T, d], normed.</param>
    void AddAttentionInput(Tensor h) { }

    /// <summary>What the feed-forward router reads, or would in a dense block; told before the router is applied.</summary>
    /// <param name="h">[B, T, d], normed.</param>
    void AddFeedForwardInput(Tensor h) { }

    /// <summary>The attention gates.</summary>
    /// <param name="gates">[B, T, N], the softmax over all experts; with top-k attention before the others are left out.</param>
    void AddGates(Tensor gates) { }

    /// <summary>The feed-forward assignments.</summary>
    /// <param name="chosen">[n, k], int64, largest probability first.</param>
    /// <param name="probabilities">[n, M], the softmax over all experts.</param>
    void AddAssignments(Tensor chosen, Tensor probabilities) { }
}
