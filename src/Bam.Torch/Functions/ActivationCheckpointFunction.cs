namespace Bam.Torch.Functions;

/// <summary>A part of a model: from its input to its outputs, which share no memory with the input.</summary>
/// <param name="x">The input.</param>
/// <param name="isRepeated">True in backward, for the same input as before: what counts passes must not count this one.</param>
internal delegate Tensor[] CheckpointedPart(Tensor x, bool isRepeated);

/// <summary>
/// Activation checkpointing (Chen et al. 2016, arXiv 1604.06174): a part of a model keeps only its input for backward, which
/// computes the part again and then differentiates it.
/// </summary>
/// <remarks>
/// Both passes build the part's graph, and the forward pass drops it: under <see cref="NoGrad"/> other kernels would compute
/// it, with other roundings. libtorch executes the nodes of a graph in the reverse order of their creation, so that gradients
/// are summed in the same order as without a checkpoint. Outputs and gradients are the same, bit for bit.
/// </remarks>
internal sealed class ActivationCheckpointFunction : AutogradFunction
{
    private readonly CheckpointedPart part;

    private ActivationCheckpointFunction(CheckpointedPart part) => this.part = part;

    /// <summary>Computes a part of a model.</summary>
    /// <param name="x">Its input.</param>
    /// <param name="leaves">All parameters that it uses, at least one; their gradients are added in place.</param>
    /// <param name="part">Called here and in backward; gives the same outputs each time. It holds only parameters.</param>
    /// <returns>The outputs of the part.</returns>
    public static Tensor[] Apply(Tensor x, IReadOnlyList<Tensor> leaves, CheckpointedPart part)
    {
        using var scope = TensorScope.Open();
        var outputs = Array.ConvertAll(part(Input(x, x.RequiresGrad), false), output => output.Detach());
        // One leaf is saved so that libtorch refuses parameters that were changed since: those of an arena share a version.
        new ActivationCheckpointFunction(part).Attach([x, .. leaves], outputs, [x, leaves[0]]);
        return scope.Keep(outputs);
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var x = Input(saved[0], NeedsInputGrad[0]);
        Tensor[] outputs;
        using (EnableGrad.Enter()) outputs = this.part(x, true);
        var (roots, gradients) = (new List<Tensor>(), new List<Tensor>());
        for (var i = 0; i < outputs.Length; i++)
        {
            if (gradOutputs[i] is not { } gradient || !outputs[i].RequiresGrad) continue;
            roots.Add(outputs[i]);
            gradients.Add(gradient);
        }

        if (roots.Count == 0) return;
        Autograd.Backward([.. roots], [.. gradients]);
        gradInputs[0] = NeedsInputGrad[0] ? x.Grad : null;
    }

    // A leaf of the part's own graph.
    private static Tensor Input(Tensor x, bool requiresGrad)
    {
        var input = x.Detach();
        input.RequiresGrad = requiresGrad;
        return input;
    }
}
