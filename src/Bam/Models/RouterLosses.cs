using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>The auxiliary losses of the feed-forward routers, gathered block by block; they outlive the blocks' scopes.</summary>
internal sealed class RouterLosses : IDisposable
{
    private readonly List<Tensor> loadBalancing = [];
    private readonly List<Tensor> z = [];

    /// <summary>Adds one block's.</summary>
    /// <param name="logits">[n, M].</param>
    /// <param name="probabilities">[n, M], their softmax.</param>
    /// <param name="shares">F, the part of all assignments that each expert has, [M]; without a gradient.</param>
    public void Add(Tensor logits, Tensor probabilities, Tensor shares)
    {
        using var scope = TensorScope.Open();
        var balance = (shares * probabilities.Mean(0)).Sum() * shares.Count;
        loadBalancing.Add(balance.DetachFromScope());
        z.Add(logits.LogSumExp(-1).Square().Mean().DetachFromScope());
    }

    /// <summary>LB = M · Σ_i F_i P_i (Switch Transformer, Eq. 4, over assignments), [L]; zeros without feed-forward experts.</summary>
    public Tensor LoadBalancing(ModelConfig config, Device device) => PerLayer(loadBalancing, config, device);

    /// <summary>Z = mean over tokens of (logsumexp of the logits)² (ST-MoE, Eq. 5), [L]; zeros without feed-forward experts.</summary>
    public Tensor Z(ModelConfig config, Device device) => PerLayer(z, config, device);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var loss in loadBalancing.Concat(z)) loss.Dispose();
    }

    private static Tensor PerLayer(List<Tensor> losses, ModelConfig config, Device device) =>
        losses.Count > 0 ? Tensor.Stack([.. losses]) : Tensor.Zeros([config.NumHiddenLayers], ScalarType.Float32, device);
}
