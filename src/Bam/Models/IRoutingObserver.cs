using Bam.Torch;

namespace Bam.Models;

/// <summary>Told what one block's routers decide, pass by pass. The tensors may carry a graph and must not be kept.</summary>
public interface IRoutingObserver
{
    /// <summary>The attention gates.</summary>
    /// <param name="gates">[B, T, N], the softmax over all experts; with top-k attention before the others are left out.</param>
    void AddGates(Tensor gates);

    /// <summary>The feed-forward assignments.</summary>
    /// <param name="chosen">[n, k], int64, largest probability first.</param>
    /// <param name="probabilities">[n, M], the softmax over all experts.</param>
    void AddAssignments(Tensor chosen, Tensor probabilities);
}
