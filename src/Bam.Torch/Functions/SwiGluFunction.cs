using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>silu(gate) ∘ up of a fused projection (SwiGLU, Shazeer 2020), in one pass each way.</summary>
public sealed class SwiGluFunction : AutogradFunction
{
    private SwiGluFunction() { }

    /// <summary>Applies the activation.</summary>
    /// <param name="fused">[n, 2f]: gate, then up.</param>
    /// <returns>[n, f].</returns>
    public static unsafe Tensor Apply(Tensor fused)
    {
        using var scope = TensorScope.Open();
        var width = fused.Size(1) / 2;
        if (!SwiGluKernel.Supports(fused))
            return scope.Keep(fused.Narrow(1, 0, width).Silu() * fused.Narrow(1, width, width));

        Tensor activated;
        using (NoGrad.Enter())
        {
            activated = Tensor.Empty([fused.Size(0), width], ScalarType.Float32, fused.Device);
            SwiGluKernel.Forward((float*)fused.DataPointer, (float*)activated.DataPointer, (int)fused.Size(0), (int)width);
        }

        new SwiGluFunction().Attach([fused], [activated], [fused]);
        return scope.Keep(activated);
    }

    /// <inheritdoc/>
    protected override unsafe void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var fused = saved[0];
        var gradOutput = gradOutputs[0]!.Contiguous();
        var gradFused = Tensor.Empty(fused.Shape, ScalarType.Float32, fused.Device);
        SwiGluKernel.Backward(
            (float*)fused.DataPointer, (float*)gradOutput.DataPointer, (float*)gradFused.DataPointer,
            (int)fused.Size(0), (int)fused.Size(1) / 2);
        gradInputs[0] = gradFused;
    }
}
