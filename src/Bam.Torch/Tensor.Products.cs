namespace Bam.Torch;

// Matrix products.
public sealed unsafe partial class Tensor
{
    private static readonly Operator s_linear = Operator.Get("aten::linear");
    private static readonly Operator s_matMul = Operator.Get("aten::matmul");
    private static readonly Operator s_mv = Operator.Get("aten::mv");
    private static readonly Operator s_bmm = Operator.Get("aten::bmm");
    private static readonly Operator s_baddBmm = Operator.Get("aten::baddbmm");
    private static readonly Operator s_addMm = Operator.Get("aten::addmm");
    private static readonly Operator s_addMmInPlace = Operator.Get("aten::addmm_");
    private static readonly Operator s_dot = Operator.Get("aten::dot");
    private static readonly Operator s_outer = Operator.Get("aten::outer");

    /// <summary>x · weightᵀ + bias: [.., in], [out, in], [out] to [.., out].</summary>
    public Tensor Linear(Tensor weight, Tensor? bias = null) => s_linear.Call(this, weight, bias);

    /// <summary>The matrix product over the last two dimensions, the others broadcast.</summary>
    public Tensor MatMul(Tensor other) => s_matMul.Call(this, other);

    /// <summary>A matrix times a vector: [n, k], [k] to [n].</summary>
    public Tensor Mv(Tensor vector) => s_mv.Call(this, vector);

    /// <summary>A product of each pair in a batch: [b, n, k], [b, k, m] to [b, n, m].</summary>
    public Tensor Bmm(Tensor other) => s_bmm.Call(this, other);

    /// <summary>beta · this + alpha · first · second, in batches: [b, n, m], [b, n, k], [b, k, m] to [b, n, m].</summary>
    public Tensor BaddBmm(Tensor first, Tensor second, double beta = 1, double alpha = 1) =>
        s_baddBmm.Call(this, first, second, beta, alpha);

    /// <summary>beta · this + alpha · first · second: [n, m], [n, k], [k, m] to [n, m].</summary>
    public Tensor AddMm(Tensor first, Tensor second, double beta = 1, double alpha = 1) => s_addMm.Call(this, first, second, beta, alpha);

    /// <summary>this = beta · this + alpha · first · second: [n, m], [n, k], [k, m].</summary>
    public Tensor AddMm_(Tensor first, Tensor second, double beta = 1, double alpha = 1) =>
        InPlace(s_addMmInPlace, first, second, beta, alpha);

    /// <summary>The inner product of two vectors, a scalar.</summary>
    public Tensor Dot(Tensor other) => s_dot.Call(this, other);

    /// <summary>The outer product of two vectors: [n], [m] to [n, m].</summary>
    public Tensor Outer(Tensor other) => s_outer.Call(this, other);
}
