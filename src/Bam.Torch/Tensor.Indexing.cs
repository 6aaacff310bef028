namespace Bam.Torch;

// Choosing, comparing and masking. Gathers are by IndexSelect: aten::index adds atomically in its backward, so that
// no two runs agree.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_indexSelect = Operator.Get("aten::index_select");
    private static readonly Operator s_indexAddInPlace = Operator.Get("aten::index_add_");
    private static readonly Operator s_gather = Operator.Get("aten::gather");
    private static readonly Operator s_scatterInPlace = Operator.Get("aten::scatter_", "src");
    private static readonly Operator s_maskedFill = Operator.Get("aten::masked_fill", "Scalar");
    private static readonly Operator s_neScalar = Operator.Get("aten::ne", "Scalar");
    private static readonly Operator s_eq = Operator.Get("aten::eq", "Tensor");
    private static readonly Operator s_gt = Operator.Get("aten::gt", "Tensor");
    private static readonly Operator s_ge = Operator.Get("aten::ge", "Tensor");
    private static readonly Operator s_geScalar = Operator.Get("aten::ge", "Scalar");
    private static readonly Operator s_ltScalar = Operator.Get("aten::lt", "Scalar");
    private static readonly Operator s_logicalOr = Operator.Get("aten::logical_or");

    /// <summary>The places <paramref name="index"/> [n] of a dimension, copied.</summary>
    public Tensor IndexSelect(int dim, Tensor index) => s_indexSelect.Call(this, dim, index);

    /// <summary>The places <paramref name="index"/> [n] of a dimension are increased by alpha · source.</summary>
    public Tensor IndexAdd_(int dim, Tensor index, Tensor source, double alpha = 1)
    {
        s_indexAddInPlace.Invoke(this, dim, index, source, Alpha(alpha));
        return this;
    }

    /// <summary>For each element of <paramref name="index"/>, the element that stands there along a dimension.</summary>
    public Tensor Gather(int dim, Tensor index) => s_gather.Call(this, dim, index);

    /// <summary>Writes the elements of <paramref name="source"/> to the places <paramref name="index"/> of a dimension.</summary>
    public Tensor Scatter_(int dim, Tensor index, Tensor source) => InPlace(s_scatterInPlace, dim, index, source);

    /// <summary>A copy with a number wherever the mask is true.</summary>
    public Tensor MaskedFill(Tensor mask, Scalar value) => s_maskedFill.Call(this, mask, value);

    public Tensor Ne(Scalar value) => s_neScalar.Call(this, value);

    public Tensor Eq(Tensor other) => s_eq.Call(this, other);

    public Tensor Gt(Tensor other) => s_gt.Call(this, other);

    public Tensor Ge(Tensor other) => s_ge.Call(this, other);

    public Tensor Ge(Scalar value) => s_geScalar.Call(this, value);

    public Tensor Lt(Scalar value) => s_ltScalar.Call(this, value);

    public Tensor LogicalOr(Tensor other) => s_logicalOr.Call(this, other);
}
