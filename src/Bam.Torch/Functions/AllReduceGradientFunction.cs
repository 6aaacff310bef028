using Bam.Torch.Distributed;

namespace Bam.Torch.Functions;

/// <summary>
/// Leaves a tensor as it is that all ranks have, and of which each computes something else. Its gradient is the sum of the ranks'
/// gradients.
/// </summary>
internal sealed class AllReduceGradientFunction : AutogradFunction
{
    private readonly ProcessGroup group;

    private AllReduceGradientFunction(ProcessGroup group) => this.group = group;

    /// <summary>Passes a tensor on, whose gradient will be the ranks' sum.</summary>
    /// <param name="x">The same on every rank.</param>
    /// <param name="group">Every rank calls this.</param>
    /// <param name="anchor">As in <see cref="AllReduceFunction.Apply"/>.</param>
    /// <returns>The same numbers, in the same memory.</returns>
    public static Tensor Apply(Tensor x, ProcessGroup group, Tensor anchor)
    {
        using var scope = TensorScope.Open();
        Tensor same;
        using (NoGrad.Enter()) same = x.Detach();
        new AllReduceGradientFunction(group).Attach([x, anchor], [same], []);
        return scope.Keep(same);
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        // A copy, since a gradient may be another node's too.
        var gradient = gradOutputs[0]!.Contiguous().Clone();
        this.group.AllReduce(gradient);
        gradInputs[0] = gradient;
    }
}
