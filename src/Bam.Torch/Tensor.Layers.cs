namespace Bam.Torch;

// What models are made of.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_embedding = Operator.Get("aten::embedding");
    private static readonly Operator s_layerNorm = Operator.Get("aten::layer_norm");
    private static readonly Operator s_crossEntropy = Operator.Get("aten::cross_entropy_loss");
    private static readonly Operator s_attention = Operator.Get("aten::scaled_dot_product_attention");

    /// <summary>Whether this libtorch has a fused attention (2.0 and newer).</summary>
    public static bool HasScaledDotProductAttention => s_attention.IsAvailable;

    /// <summary>The rows of a table [n, d] at integer ids [..]: [.., d]. Called on the table.</summary>
    public Tensor Embedding(Tensor ids) => s_embedding.Call(this, ids);

    /// <summary>(x - mean) / sqrt(variance + eps) over the last dimension, times a weight, plus a bias.</summary>
    public Tensor LayerNorm(Tensor? weight, Tensor? bias = null, double eps = 1e-5)
    {
        var size = Size(-1);
        return s_layerNorm.Call(this, Value.Integers(&size, 1), weight, bias, eps);
    }

    /// <summary>The cross-entropy of logits [n, classes] against ids [n].</summary>
    public Tensor CrossEntropy(Tensor targets, Reduction reduction = Reduction.Mean, long ignoreIndex = -100) =>
        s_crossEntropy.Call(this, targets, Value.None, (long)reduction, ignoreIndex);

    /// <summary>Fused attention of queries (this), keys and values, each [B, heads, T, head_dim], with 1/sqrt(head_dim).</summary>
    /// <exception cref="TorchException">This libtorch has none: see <see cref="HasScaledDotProductAttention"/>.</exception>
    public Tensor ScaledDotProductAttention(Tensor keys, Tensor values, bool isCausal) =>
        s_attention.Call(this, keys, values, Value.None, 0.0, isCausal);
}
