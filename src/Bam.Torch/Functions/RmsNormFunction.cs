using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>RMSNorm (arXiv 1910.07467) over the last dimension, in one pass each way; it keeps its input alone.</summary>
internal sealed class RmsNormFunction : AutogradFunction
{
    private readonly RmsNormKernel kernel;

    private RmsNormFunction(RmsNormKernel kernel) => this.kernel = kernel;

    /// <summary>w ∘ x / √(mean(x²) + ε), in float32. libtorch's operators widen other dtypes first.</summary>
    /// <param name="x">[.., W]; [.., norms, W] with a weight for each norm.</param>
    /// <param name="weight">[W] or [norms, W], float32.</param>
    /// <param name="eps">ε.</param>
    public static unsafe Tensor Apply(Tensor x, Tensor weight, double eps)
    {
        using var scope = TensorScope.Open();
        if (!RmsNormKernel.Supports(x))
        {
            var wide = x.To(ScalarType.Float32);
            return scope.Keep(wide * (wide.Square().Mean(-1, keepDim: true) + eps).Rsqrt() * weight);
        }

        (x, weight) = (x.Contiguous(), weight.Contiguous());
        var y = Tensor.Empty(x.Shape, ScalarType.Float32, x.Device);
        var width = x.Size(-1);
        var kernel = new RmsNormKernel((int)(weight.Count / width), (int)width, (float)eps);
        kernel.Forward((float*)x.DataPointer, (float*)weight.DataPointer, (float*)y.DataPointer, (int)(x.Count / weight.Count));
        new RmsNormFunction(kernel).Attach([x, weight], [y], [x, weight]);
        return scope.Keep(y);
    }

    protected override unsafe void Backward(
        ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var (x, weight, gradOutput) = (saved[0], saved[1], gradOutputs[0]!.Contiguous());
        var gradX = Tensor.Empty(x.Shape, ScalarType.Float32, x.Device);
        var gradWeight = Tensor.Empty(weight.Shape, ScalarType.Float32, x.Device);
        this.kernel.Backward(
            (float*)x.DataPointer, (float*)weight.DataPointer, (float*)gradOutput.DataPointer, (float*)gradX.DataPointer,
            (float*)gradWeight.DataPointer, (int)(x.Count / weight.Count));
        (gradInputs[0], gradInputs[1]) = (gradX, gradWeight);
    }
}
