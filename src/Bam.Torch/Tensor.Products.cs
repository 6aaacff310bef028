namespace Bam.Torch;

// Matrix products, and the operators that models are made of.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_matMul = Operator.Get("aten::matmul");
    private static readonly Operator s_mv = Operator.Get("aten::mv");
    private static readonly Operator s_addMmInPlace = Operator.Get("aten::addmm_");
    private static readonly Operator s_layerNorm = Operator.Get("aten::layer_norm");
    private static readonly Operator s_attention = Operator.Get("aten::scaled_dot_product_attention");

    /// <summary>Whether this libtorch has a fused attention (2.0 and newer).</summary>
    public static bool HasScaledDotProductAttention => s_attention.IsAvailable;

    /// <summary>The matrix product over the last two dimensions, the others broadcast.</summary>
    public Tensor MatMul(Tensor other) => s_matMul.Call(this, other);

    /// <summary>A matrix times a vector: [n, k], [k] to [n].</summary>
    public Tensor Mv(Tensor vector) => s_mv.Call(this, vector);

    /// <summary>this = beta · this + alpha · first · second: [n, m], [n, k], [k, m].</summary>
    public Tensor AddMm_(Tensor first, Tensor second, double beta = 1, double alpha = 1) =>
        InPlace(s_addMmInPlace, first, second, beta, alpha);

    /// <summary>(x - mean) / sqrt(variance + eps) over the last dimension, times a weight, plus a bias.</summary>
    public Tensor LayerNorm(Tensor? weight, Tensor? bias = null, double eps = 1e-5)
    {
        var size = Size(-1);
        return s_layerNorm.Call(this, Value.Integers(&size, 1), weight, bias, eps);
    }

    /// <summary>Fused attention of queries (this), keys and values, [B, heads, T, head_dim], with 1/sqrt(head_dim).</summary>
    /// <exception cref="TorchException">This libtorch has none: see <see cref="HasScaledDotProductAttention"/>.</exception>
    public Tensor ScaledDotProductAttention(Tensor keys, Tensor values, bool isCausal) =>
        s_attention.Call(this, keys, values, Value.None, 0.0, isCausal);
}
