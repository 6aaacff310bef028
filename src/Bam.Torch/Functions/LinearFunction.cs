using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>y = x·Wᵀ (or x·W for a matrix stored as [in, out]); the weight's gradient is added in place.</summary>
internal sealed class LinearFunction : AutogradFunction
{
    private readonly Parameter weight;
    private readonly bool inputFirst;

    private LinearFunction(Parameter weight, bool inputFirst) => (this.weight, this.inputFirst) = (weight, inputFirst);

    /// <summary>Applies the projection in x's dtype; the gradient is summed in the parameter's.</summary>
    /// <param name="x">[…, in].</param>
    /// <param name="weight">[out, in], or [in, out] when <paramref name="inputFirst"/>.</param>
    /// <param name="inputFirst">Whether the matrix is stored as [in, out].</param>
    /// <returns>[…, out].</returns>
    public static Tensor Apply(Tensor x, Parameter weight, bool inputFirst = false)
    {
        using var scope = TensorScope.Open();
        var rows = x.Reshape(-1, x.Size(-1));  // [n, in]
        if (!Autograd.IsEnabled)
        {
            var product = OfFewRows(rows, weight.Value.To(x.ScalarType), inputFirst);
            return scope.Keep(product.Reshape([.. x.Shape[..^1], product.Size(-1)]));
        }

        Tensor y;
        using (NoGrad.Enter())
        {
            var matrix = weight.Value.To(x.ScalarType);
            y = rows.MatMul(inputFirst ? matrix : matrix.Transpose(0, 1));  // [n, out]
        }

        // The matrix is saved so that libtorch refuses one that was changed since: backward multiplies by it.
        new LinearFunction(weight, inputFirst).Attach([rows, weight.Leaf], [y], [rows, weight.Leaf]);
        return scope.Keep(y.Reshape([.. x.Shape[..^1], y.Size(-1)]));
    }

    // While decoding: BLAS packs the whole matrix before it multiplies, which products with a few rows do not pay back.
    private static unsafe Tensor OfFewRows(Tensor rows, Tensor matrix, bool inputFirst)
    {
        var outputs = matrix.Size(inputFirst ? 1 : 0);
        if (inputFirst ? FewRowsKernel.SupportsColumns(rows, matrix) : FewRowsKernel.Supports(rows, matrix, rows.Size(0)))
        {
            rows = rows.Contiguous();
            var y = Tensor.Empty([rows.Size(0), outputs], ScalarType.Float32, rows.Device);
            var (count, depth) = ((int)rows.Size(0), (int)rows.Size(1));
            var (x, w) = (rows.DataPointer, matrix.DataPointer);
            if (inputFirst)
                FewRowsKernel.MultiplyByColumns((float*)x, (float*)w, (float*)y.DataPointer, count, (int)outputs, depth);
            else FewRowsKernel.MultiplyByRows((float*)x, (float*)w, (float*)y.DataPointer, count, (int)outputs, depth);
            return y;
        }

        return rows.Size(0) == 1
            ? (inputFirst ? matrix.Transpose(0, 1) : matrix).Mv(rows.Select(0, 0)).Unsqueeze(0)
            : rows.MatMul(inputFirst ? matrix : matrix.Transpose(0, 1));  // [n, out]
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var (dy, x) = (gradOutputs[0]!.Contiguous(), saved[0]);
        if (NeedsInputGrad[0])
        {
            var matrix = this.weight.Value.To(x.ScalarType);
            gradInputs[0] = dy.MatMul(this.inputFirst ? matrix.Transpose(0, 1) : matrix);
        }

        if (!NeedsInputGrad[1]) return;
        if (this.inputFirst) AddProduct(this.weight.Gradient, x, dy);
        else AddProduct(this.weight.Gradient, dy, x);
    }

    /// <summary>Adds leftᵀ·right, [n, l] and [n, r], to a sum [l, r], which keeps its dtype.</summary>
    internal static void AddProduct(Tensor sum, Tensor left, Tensor right)
    {
        if (left.ScalarType == sum.ScalarType) sum.AddMm_(left.Transpose(0, 1), right);
        else sum.Add_(left.Transpose(0, 1).MatMul(right));
    }
}
