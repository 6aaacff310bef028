namespace Bam.Torch.Functions;

/// <summary>Leaves a tensor as it is, and calls back when backward has computed its gradient.</summary>
/// <remarks>
/// libtorch executes the ready nodes of a graph in the reverse order of their creation, and the nodes that add to a leaf's
/// gradient first. When the callback runs, all nodes that were created later have run, so that leaves which were used only
/// since then have their whole gradients.
/// </remarks>
internal sealed class BackwardHookFunction : AutogradFunction
{
    private readonly Action reached;

    private BackwardHookFunction(Action reached) => this.reached = reached;

    /// <summary>Passes a tensor on.</summary>
    /// <param name="x">If it needs no gradient, nothing calls back.</param>
    /// <param name="reached">Called in backward, without a graph.</param>
    /// <returns>The same numbers, in the same memory.</returns>
    public static Tensor Apply(Tensor x, Action reached)
    {
        using var scope = TensorScope.Open();
        var same = x.Detach();
        new BackwardHookFunction(reached).Attach([x], [same], []);
        return scope.Keep(same);
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        this.reached();
        gradInputs[0] = gradOutputs[0];
    }
}
