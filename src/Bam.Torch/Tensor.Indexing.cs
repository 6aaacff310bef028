namespace Bam.Torch;

// Choosing, comparing and masking. Gathers are by IndexSelect: aten::index adds atomically in its backward, so that
// no two runs agree.
public sealed unsafe partial class Tensor
{
    private static readonly Operator s_indexSelect = Operator.Get("aten::index_select");
    private static readonly Operator s_indexAdd = Operator.Get("aten::index_add");
    private static readonly Operator s_indexAddInPlace = Operator.Get("aten::index_add_");
    private static readonly Operator s_indexCopy = Operator.Get("aten::index_copy");
    private static readonly Operator s_gather = Operator.Get("aten::gather");
    private static readonly Operator s_scatter = Operator.Get("aten::scatter", "src");
    private static readonly Operator s_scatterValue = Operator.Get("aten::scatter", "value");
    private static readonly Operator s_scatterAdd = Operator.Get("aten::scatter_add");
    private static readonly Operator s_oneHot = Operator.Get("aten::one_hot");
    private static readonly Operator s_where = Operator.Get("aten::where", "self");
    private static readonly Operator s_maskedFill = Operator.Get("aten::masked_fill", "Scalar");
    private static readonly Operator s_tril = Operator.Get("aten::tril");
    private static readonly Operator s_triu = Operator.Get("aten::triu");
    private static readonly Operator s_eq = Operator.Get("aten::eq", "Tensor");
    private static readonly Operator s_eqScalar = Operator.Get("aten::eq", "Scalar");
    private static readonly Operator s_ne = Operator.Get("aten::ne", "Tensor");
    private static readonly Operator s_neScalar = Operator.Get("aten::ne", "Scalar");
    private static readonly Operator s_lt = Operator.Get("aten::lt", "Tensor");
    private static readonly Operator s_ltScalar = Operator.Get("aten::lt", "Scalar");
    private static readonly Operator s_le = Operator.Get("aten::le", "Tensor");
    private static readonly Operator s_leScalar = Operator.Get("aten::le", "Scalar");
    private static readonly Operator s_gt = Operator.Get("aten::gt", "Tensor");
    private static readonly Operator s_gtScalar = Operator.Get("aten::gt", "Scalar");
    private static readonly Operator s_ge = Operator.Get("aten::ge", "Tensor");
    private static readonly Operator s_geScalar = Operator.Get("aten::ge", "Scalar");
    private static readonly Operator s_logicalNot = Operator.Get("aten::logical_not");
    private static readonly Operator s_logicalAnd = Operator.Get("aten::logical_and");
    private static readonly Operator s_logicalOr = Operator.Get("aten::logical_or");

    /// <summary>The places <paramref name="index"/> [n] of a dimension, copied.</summary>
    public Tensor IndexSelect(int dim, Tensor index) => s_indexSelect.Call(this, dim, index);

    /// <summary>A copy, with the places <paramref name="index"/> [n] of a dimension increased by alpha · source.</summary>
    public Tensor IndexAdd(int dim, Tensor index, Tensor source, double alpha = 1) =>
        s_indexAdd.Call(this, dim, index, source, Alpha(alpha));

    /// <summary>The places <paramref name="index"/> [n] of a dimension are increased by alpha · source.</summary>
    public Tensor IndexAdd_(int dim, Tensor index, Tensor source, double alpha = 1)
    {
        s_indexAddInPlace.Invoke(this, dim, index, source, Alpha(alpha));
        return this;
    }

    /// <summary>A copy, with the places <paramref name="index"/> [n] of a dimension replaced; the places must differ.</summary>
    public Tensor IndexCopy(int dim, Tensor index, Tensor source) => s_indexCopy.Call(this, dim, index, source);

    /// <summary>For each element of <paramref name="index"/>, the element that stands there along a dimension.</summary>
    public Tensor Gather(int dim, Tensor index) => s_gather.Call(this, dim, index);

    /// <summary>A copy, with the elements of <paramref name="source"/> put where <paramref name="index"/> says along a dimension.</summary>
    public Tensor Scatter(int dim, Tensor index, Tensor source) => s_scatter.Call(this, dim, index, source);

    /// <summary>A copy, with a number put where <paramref name="index"/> says along a dimension.</summary>
    public Tensor Scatter(int dim, Tensor index, Scalar value) => s_scatterValue.Call(this, dim, index, value);

    /// <summary>A copy, with the elements of <paramref name="source"/> added where <paramref name="index"/> says along a dimension.</summary>
    public Tensor ScatterAdd(int dim, Tensor index, Tensor source) => s_scatterAdd.Call(this, dim, index, source);

    /// <summary>Integers to rows that are 1 there and 0 elsewhere: [..] to [.., classes].</summary>
    public Tensor OneHot(long classes) => s_oneHot.Call(this, classes);

    /// <summary>Where this mask is true, an element of one tensor, else of the other.</summary>
    public Tensor Where(Tensor whenTrue, Tensor whenFalse) => s_where.Call(this, whenTrue, whenFalse);

    /// <summary>A copy with a number wherever the mask is true.</summary>
    public Tensor MaskedFill(Tensor mask, Scalar value) => s_maskedFill.Call(this, mask, value);

    /// <summary>Zeros above a diagonal.</summary>
    public Tensor Tril(long diagonal = 0) => s_tril.Call(this, diagonal);

    /// <summary>Zeros below a diagonal.</summary>
    public Tensor Triu(long diagonal = 0) => s_triu.Call(this, diagonal);

    /// <summary>Equal, elementwise.</summary>
    public Tensor Eq(Tensor other) => s_eq.Call(this, other);

    /// <summary>Equal to a number.</summary>
    public Tensor Eq(Scalar value) => s_eqScalar.Call(this, value);

    /// <summary>Unequal, elementwise.</summary>
    public Tensor Ne(Tensor other) => s_ne.Call(this, other);

    /// <summary>Unequal to a number.</summary>
    public Tensor Ne(Scalar value) => s_neScalar.Call(this, value);

    /// <summary>Less, elementwise.</summary>
    public Tensor Lt(Tensor other) => s_lt.Call(this, other);

    /// <summary>Less than a number.</summary>
    public Tensor Lt(Scalar value) => s_ltScalar.Call(this, value);

    /// <summary>Less or equal, elementwise.</summary>
    public Tensor Le(Tensor other) => s_le.Call(this, other);

    /// <summary>Less than or equal to a number.</summary>
    public Tensor Le(Scalar value) => s_leScalar.Call(this, value);

    /// <summary>Greater, elementwise.</summary>
    public Tensor Gt(Tensor other) => s_gt.Call(this, other);

    /// <summary>Greater than a number.</summary>
    public Tensor Gt(Scalar value) => s_gtScalar.Call(this, value);

    /// <summary>Greater or equal, elementwise.</summary>
    public Tensor Ge(Tensor other) => s_ge.Call(this, other);

    /// <summary>Greater than or equal to a number.</summary>
    public Tensor Ge(Scalar value) => s_geScalar.Call(this, value);

    /// <summary>Not, elementwise.</summary>
    public Tensor LogicalNot() => s_logicalNot.Call(this);

    /// <summary>And, elementwise.</summary>
    public Tensor LogicalAnd(Tensor other) => s_logicalAnd.Call(this, other);

    /// <summary>Or, elementwise.</summary>
    public Tensor LogicalOr(Tensor other) => s_logicalOr.Call(this, other);
}
