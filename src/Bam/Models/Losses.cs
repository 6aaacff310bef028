using System.Text.Json.Serialization;
using Bam.Torch;
using Bam.Torch.Distributed;

namespace Bam.Models;

/// <summary>
/// The training loss and its parts, L = NLL + Σ over layers of (α · LB + β · Z), as numbers: of a micro-batch, of a step, of the
/// steps between two lines of metrics, and in such a line.
/// </summary>
internal record Losses
{
    /// <summary>All zero.</summary>
    public Losses() { }

    /// <summary>L.</summary>
    [JsonRequired, JsonPropertyOrder(-1)]
    public double Loss { get; init; }

    /// <summary>The negative log-likelihood of the next token, in nats.</summary>
    [JsonRequired, JsonPropertyOrder(-1)]
    public double Nll { get; init; }

    /// <summary>The load-balancing loss, the mean over the layers that have one; 1 is balanced, 0 if none has.</summary>
    [JsonRequired, JsonPropertyOrder(-1)]
    public double LoadBalancing { get; init; }

    /// <summary>The router z-loss, the mean over the layers that have one; 0 if none has.</summary>
    [JsonRequired, JsonPropertyOrder(-1)]
    public double RouterZ { get; init; }

    public static Losses operator +(Losses left, Losses right) => Each(left, right, (x, y) => x + y);

    public static Losses operator -(Losses left, Losses right) => Each(left, right, (x, y) => x - y);

    public static Losses operator /(Losses sum, int count) => Each(sum, sum, (x, _) => x / count);

    /// <summary>The mean with one more micro-batch, the last of <paramref name="count"/>.</summary>
    public Losses MeanWith(Losses next, int count) => this + (next - this) / count;

    public sealed override string ToString() => FormattableString.Invariant(
        $"loss {Loss:0.###}, nll {Nll:0.###}, load balancing {LoadBalancing:0.###}, router z {RouterZ:0.###}");

    private static Losses Each(Losses left, Losses right, Func<double, double, double> combine) => new()
    {
        Loss = combine(left.Loss, right.Loss),
        Nll = combine(left.Nll, right.Nll),
        LoadBalancing = combine(left.LoadBalancing, right.LoadBalancing),
        RouterZ = combine(left.RouterZ, right.RouterZ),
    };
}

/// <summary>The losses of one micro-batch where they were computed. A GPU may still be computing them.</summary>
/// <param name="Total">Scalar; carries the graph.</param>
/// <param name="Nll">Scalar.</param>
/// <param name="LoadBalancing">[L], 0 for blocks without feed-forward experts.</param>
/// <param name="RouterZ">[L], 0 for blocks without feed-forward experts.</param>
internal sealed record LossTensors(Tensor Total, Tensor Nll, Tensor LoadBalancing, Tensor RouterZ)
{
    /// <summary>Adds the gradients of the total to those of the parameters.</summary>
    /// <exception cref="ProcessGroupException">A rank that shares the experts is gone.</exception>
    public void Backward()
    {
        try
        {
            Autograd.Backward(Total);
        }
        catch (TorchException e) when (CauseOf(e) is { } cause)
        {
            // The rank at fault is another one.
            throw new ProcessGroupException(cause.Message, e);
        }
    }

    /// <summary>The numbers; waits for a GPU.</summary>
    public Losses Read() => new()
    {
        Loss = Total.Item<float>(),
        Nll = Nll.Item<float>(),
        LoadBalancing = MeanOfLayers(LoadBalancing),
        RouterZ = MeanOfLayers(RouterZ),
    };

    // A checkpointed block's backward lies within backward.
    private static ProcessGroupException? CauseOf(Exception? failure) =>
        failure is null ? null : failure as ProcessGroupException ?? CauseOf(failure.InnerException);

    // Layers without feed-forward experts hold zeros, and the losses of those with experts are above zero.
    private static double MeanOfLayers(Tensor layers) =>
        layers.ToArray<float>().Where(loss => loss != 0).Select(loss => (double)loss).DefaultIfEmpty(0).Average();
}

/// <summary>Collects the auxiliary losses of the feed-forward routers block by block; they outlive the blocks' scopes.</summary>
/// <param name="device">Of the model.</param>
/// <param name="averageShares">
/// Replaces F of all layers with experts, [layers, M], by its mean over the processes that see other tokens; null for one.
/// </param>
internal sealed class RouterLosses(Device device, Action<Tensor>? averageShares = null) : IDisposable
{
    private readonly List<(Tensor Shares, Tensor Probabilities)?> balance = [];
    private readonly List<Tensor> z = [];

    /// <summary>LB = M · Σ_i F_i P_i (Switch Transformer, Eq. 4, over assignments), [L]; 0 where there are no experts.</summary>
    /// <remarks>
    /// With a mean of F, the mean of LB over the processes is LB over all their tokens, in value and gradient: F has no gradient,
    /// and P is a mean over tokens.
    /// </remarks>
    public Tensor LoadBalancing()
    {
        using var scope = TensorScope.Open();
        var shares = new Queue<Tensor>(balance.OfType<(Tensor, Tensor)>().Select(layer => layer.Item1));
        if (averageShares is not null && shares.Count > 0)
        {
            var ofLayers = Tensor.Stack([.. shares]);
            averageShares(ofLayers);
            shares = new(Enumerable.Range(0, shares.Count).Select(layer => ofLayers.Select(0, layer)));
        }

        return scope.Keep(Tensor.Stack(
        [
            .. balance.Select(layer => layer is { } routed
                ? (shares.Dequeue() * routed.Probabilities).Sum() * routed.Shares.Count
                : Tensor.Zeros([], ScalarType.Float32, device)),
        ]));
    }

    /// <summary>Z = mean over tokens of (logsumexp of the logits)² (ST-MoE, Eq. 5), [L]; 0 where there are no experts.</summary>
    public Tensor Z() => Tensor.Stack([.. z]);

    /// <summary>Adds one block's.</summary>
    /// <param name="logits">[n, M].</param>
    /// <param name="probabilities">[n, M], their softmax.</param>
    /// <param name="shares">F, each expert's share of all assignments, [M]; without a gradient.</param>
    public void Add(Tensor logits, Tensor probabilities, Tensor shares)
    {
        using var scope = TensorScope.Open();
        balance.Add((shares.Clone().DetachFromScope(), probabilities.Mean(0).DetachFromScope()));
        z.Add(logits.LogSumExp(-1).Square().Mean().DetachFromScope());
    }

    /// <summary>What <see cref="AddParts"/> takes, of the only block: F [M], P [M] and Z [1]; empty without experts.</summary>
    public Tensor[] PartsOfBlock() =>
        balance is [{ } routed] ? [routed.Shares.View(-1), routed.Probabilities.View(-1), z[0].View(1)] : [];

    /// <summary>Adds one block's, computed elsewhere.</summary>
    public void AddParts(ReadOnlySpan<Tensor> parts)
    {
        if (parts is not [var shares, var probabilities, var layerZ])
        {
            AddNone();
            return;
        }

        balance.Add((shares.Detach().DetachFromScope(), probabilities.View(-1).DetachFromScope()));
        z.Add(layerZ.Select(0, 0).DetachFromScope());
    }

    /// <summary>Adds zeros for a block without experts.</summary>
    public void AddNone()
    {
        balance.Add(null);
        z.Add(Tensor.Zeros([], ScalarType.Float32, device).DetachFromScope());
    }

    public void Dispose()
    {
        foreach (var loss in z) loss.Dispose();
        foreach (var layer in balance)
        {
            layer?.Shares.Dispose();
            layer?.Probabilities.Dispose();
        }
    }
}
