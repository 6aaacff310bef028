namespace Bam.Torch;

// A tensor's place in the graph.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_detach = Operator.Get("aten::detach");

    /// <summary>Whether gradients are computed for it.</summary>
    /// <exception cref="TorchException">Set: it is not a leaf, or holds integers.</exception>
    public bool RequiresGrad
    {
        get => Native.bam_tensor_requires_grad(LiveHandle) != 0;
        set => Native.Check(Native.bam_tensor_set_requires_grad(LiveHandle, value ? 1 : 0), $"requires_grad of {this}");
    }

    /// <summary>Whether it was made by the user, not by an operator that is part of a graph.</summary>
    public bool IsLeaf => Native.bam_tensor_is_leaf(LiveHandle) != 0;

    /// <summary>Its gradient; null before the first backward. Every read gives a new tensor over the same memory.</summary>
    public Tensor? Grad
    {
        get
        {
            nint result;
            Native.Check(Native.bam_tensor_grad(LiveHandle, &result), "grad");
            return result == 0 ? null : new Tensor(result);
        }
    }

    /// <summary>Sets the tensor in which backward accumulates its gradient; null for none.</summary>
    public void SetGrad(Tensor? gradient) =>
        Native.Check(Native.bam_tensor_set_grad(LiveHandle, gradient?.LiveHandle ?? 0), "grad");

    /// <summary>The same memory outside the graph.</summary>
    public Tensor Detach() => s_detach.Call(this);
}
