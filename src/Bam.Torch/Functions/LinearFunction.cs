using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>y = x·Wᵀ (or x·W for a matrix stored as [in, out]); the weight's gradient is added in place.</summary>
internal sealed class LinearFunction : AutogradFunction
{
    // Of a matrix that is widened at once: 16 MiB as float32.
    private const long NumbersOfBlock = 1 << 22;

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
            var product = WithoutGraph(rows, weight.Value, inputFirst);
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

    private static unsafe Tensor WithoutGraph(Tensor rows, Tensor matrix, bool inputFirst)
    {
        // While decoding: BLAS packs the whole matrix before it multiplies, which products with a few rows do not pay back.
        if (inputFirst ? FewRowsKernel.SupportsColumns(rows, matrix) : FewRowsKernel.Supports(rows, matrix, rows.Size(0)))
        {
            rows = rows.Contiguous();
            var y = Tensor.Empty([rows.Size(0), matrix.Size(inputFirst ? 1 : 0)], ScalarType.Float32, rows.Device);
            var (count, outputs, depth) = ((int)rows.Size(0), (int)y.Size(1), (int)rows.Size(1));
            float* x = (float*)rows.DataPointer, products = (float*)y.DataPointer;
            var (w, type) = (matrix.DataPointer, matrix.ScalarType);
            if (inputFirst) FewRowsKernel.MultiplyByColumns(x, w, type, products, count, outputs, depth);
            else FewRowsKernel.MultiplyByRows(x, w, type, products, count, outputs, depth);
            return y;
        }

        if (matrix.ScalarType != rows.ScalarType && rows.ScalarType == ScalarType.Float32 && matrix.Count > NumbersOfBlock)
            return ByBlocks(rows, matrix, inputFirst);
        matrix = matrix.To(rows.ScalarType);
        return rows.Size(0) == 1
            ? (inputFirst ? matrix.Transpose(0, 1) : matrix).Mv(rows.Select(0, 0)).Unsqueeze(0)
            : rows.MatMul(inputFirst ? matrix : matrix.Transpose(0, 1));  // [n, out]
    }

    // A matrix of a narrower dtype is widened block by block, so that it is never there twice.
    private static Tensor ByBlocks(Tensor rows, Tensor matrix, bool inputFirst)
    {
        var dimension = inputFirst ? 1 : 0;
        var outputs = matrix.Size(dimension);
        var block = Math.Max(1, NumbersOfBlock * outputs / matrix.Count);
        var products = new List<Tensor>();
        for (var first = 0L; first < outputs; first += block)
        {
            using var scope = TensorScope.Open();
            var part = matrix.Narrow(dimension, first, Math.Min(block, outputs - first)).To(rows.ScalarType);
            products.Add(scope.Keep(rows.MatMul(inputFirst ? part : part.Transpose(0, 1))));
        }

        return Tensor.Cat([.. products], 1);
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
