using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>silu(gate) ∘ up of a fused projection (SwiGLU, Shazeer 2020), in one pass each way.</summary>
internal sealed class SwiGluFunction : AutogradFunction
{
    private static readonly Operator s_siluBackward = Operator.Get("aten::silu_backward");

    private SwiGluFunction() { }

    /// <summary>Applies the activation: [n, 2f] of gate and up to [n, f].</summary>
    public static unsafe Tensor Apply(Tensor fused)
    {
        using var scope = TensorScope.Open();
        var width = fused.Size(1) / 2;
        Tensor activated;
        using (NoGrad.Enter())
        {
            if (SwiGluKernel.Supports(fused))
            {
                activated = Tensor.Empty([fused.Size(0), width], ScalarType.Float32, fused.Device);
                SwiGluKernel.Forward((float*)fused.DataPointer, (float*)activated.DataPointer, (int)fused.Size(0), (int)width);
            }
            else
            {
                var (gate, up) = Halves(fused);
                activated = gate.Silu() * up;
            }
        }

        new SwiGluFunction().Attach([fused], [activated], [fused]);
        return scope.Keep(activated);
    }

    protected override unsafe void Backward(
        ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var fused = saved[0];
        var gradOutput = gradOutputs[0]!.Contiguous();
        if (!SwiGluKernel.Supports(fused))
        {
            var (gate, up) = Halves(fused);
            gradInputs[0] = Tensor.Cat([s_siluBackward.Call(gradOutput * up, gate), gradOutput * gate.Silu()], 1);
            return;
        }

        var gradFused = Tensor.Empty(fused.Shape, ScalarType.Float32, fused.Device);
        SwiGluKernel.Backward(
            (float*)fused.DataPointer, (float*)gradOutput.DataPointer, (float*)gradFused.DataPointer,
            (int)fused.Size(0), (int)fused.Size(1) / 2);
        gradInputs[0] = gradFused;
    }

    private static (Tensor Gate, Tensor Up) Halves(Tensor fused)
    {
        var width = fused.Size(1) / 2;
        return (fused.Narrow(1, 0, width), fused.Narrow(1, width, width));
    }
}
