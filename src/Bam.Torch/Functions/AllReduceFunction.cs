using Bam.Torch.Distributed;

namespace Bam.Torch.Functions;

/// <summary>The sum of all ranks' tensors. Each rank's part of it has the sum's gradient.</summary>
internal sealed class AllReduceFunction : AutogradFunction
{
    /// <summary>Adds up in place: <paramref name="x"/> holds the sum afterwards.</summary>
    /// <param name="x">Contiguous; no function needs it for its own backward.</param>
    /// <param name="group">Every rank calls this.</param>
    /// <param name="anchor">
    /// A leaf that needs a gradient and gets none. By it the result is in the graph of every rank, whatever a rank trains:
    /// the ranks' backward passes have the same operations then.
    /// </param>
    public static Tensor Apply(Tensor x, ProcessGroup group, Tensor anchor)
    {
        using var scope = TensorScope.Open();
        Tensor sum;
        using (NoGrad.Enter())
        {
            sum = x.Detach();
            group.AllReduce(sum);
        }

        new AllReduceFunction().Attach([x, anchor], [sum], []);
        return scope.Keep(sum);
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs) =>
        gradInputs[0] = gradOutputs[0];
}
