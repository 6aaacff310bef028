namespace Bam.Torch;

// Matrix products.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_linear = Operator.Get("aten::linear");
    private static readonly Operator s_matMul = Operator.Get("aten::matmul");
    private static readonly Operator s_mv = Operator.Get("aten::mv");
    private static readonly Operator s_addMmInPlace = Operator.Get("aten::addmm_");

    /// <summary>x · weightᵀ + bias: [.., in], [out, in], [out] to [.., out].</summary>
    public Tensor Linear(Tensor weight, Tensor? bias = null) => s_linear.Call(this, weight, bias);

    /// <summary>The matrix product over the last two dimensions, the others broadcast.</summary>
    public Tensor MatMul(Tensor other) => s_matMul.Call(this, other);

    /// <summary>A matrix times a vector: [n, k], [k] to [n].</summary>
    public Tensor Mv(Tensor vector) => s_mv.Call(this, vector);

    /// <summary>this = beta · this + alpha · first · second: [n, m], [n, k], [k, m].</summary>
    public Tensor AddMm_(Tensor first, Tensor second, double beta = 1, double alpha = 1) =>
        InPlace(s_addMmInPlace, first, second, beta, alpha);
}
