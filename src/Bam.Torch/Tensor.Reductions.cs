namespace Bam.Torch;

// Sums, extremes, orders and counts.
public sealed unsafe partial class Tensor
{
    private static readonly Operator s_sum = Operator.Get("aten::sum");
    private static readonly Operator s_sumDims = Operator.Get("aten::sum", "dim_IntList");
    private static readonly Operator s_mean = Operator.Get("aten::mean");
    private static readonly Operator s_meanDims = Operator.Get("aten::mean", "dim");
    private static readonly Operator s_max = Operator.Get("aten::max");
    private static readonly Operator s_maxDim = Operator.Get("aten::max", "dim");
    private static readonly Operator s_min = Operator.Get("aten::min");
    private static readonly Operator s_amax = Operator.Get("aten::amax");
    private static readonly Operator s_vectorNorm = Operator.Get("aten::linalg_vector_norm");
    private static readonly Operator s_cumSum = Operator.Get("aten::cumsum");
    private static readonly Operator s_topK = Operator.Get("aten::topk");
    private static readonly Operator s_sort = Operator.Get("aten::sort", "stable");
    private static readonly Operator s_argMax = Operator.Get("aten::argmax");
    private static readonly Operator s_binCount = Operator.Get("aten::bincount");
    private static readonly Operator s_logSumExp = Operator.Get("aten::logsumexp");
    private static readonly Operator s_softmax = Operator.Get("aten::softmax", "int");
    private static readonly Operator s_logSoftmax = Operator.Get("aten::log_softmax", "int");
    private static readonly Operator s_isFinite = Operator.Get("aten::isfinite");
    private static readonly Operator s_all = Operator.Get("aten::all");
    private static readonly Operator s_any = Operator.Get("aten::any");

    /// <summary>The sum of all elements, a scalar.</summary>
    public Tensor Sum() => s_sum.Call(this);

    /// <summary>The sum over one dimension.</summary>
    public Tensor Sum(int dim, bool keepDim = false) => s_sumDims.Call(this, dim, keepDim);

    /// <summary>The sum over several dimensions.</summary>
    public Tensor Sum(ReadOnlySpan<long> dims, bool keepDim = false)
    {
        fixed (long* list = dims)
            return s_sumDims.Call(this, Value.Integers(list, dims.Length), keepDim);
    }

    /// <summary>The mean of all elements, a scalar.</summary>
    public Tensor Mean() => s_mean.Call(this);

    /// <summary>The mean over one dimension.</summary>
    public Tensor Mean(int dim, bool keepDim = false) => s_meanDims.Call(this, dim, keepDim);

    /// <summary>The mean over several dimensions.</summary>
    public Tensor Mean(ReadOnlySpan<long> dims, bool keepDim = false)
    {
        fixed (long* list = dims)
            return s_meanDims.Call(this, Value.Integers(list, dims.Length), keepDim);
    }

    /// <summary>The largest element, a scalar.</summary>
    public Tensor Max() => s_max.Call(this);

    /// <summary>The largest elements along a dimension and where each stands.</summary>
    public (Tensor Values, Tensor Indices) Max(int dim, bool keepDim = false) => s_maxDim.CallPair(this, dim, keepDim);

    /// <summary>The smallest element, a scalar.</summary>
    public Tensor Min() => s_min.Call(this);

    /// <summary>The largest elements along a dimension; equal ones share the gradient.</summary>
    public Tensor Amax(int dim, bool keepDim = false) => s_amax.Call(this, dim, keepDim);

    /// <summary>The square root of the sum of squares, a scalar.</summary>
    public Tensor Norm() => s_vectorNorm.Call(this);

    /// <summary>The square root of the sum of squares along a dimension.</summary>
    public Tensor Norm(int dim, bool keepDim = false) => s_vectorNorm.Call(this, 2.0, dim, keepDim);

    /// <summary>The running sum along a dimension.</summary>
    public Tensor CumSum(int dim) => s_cumSum.Call(this, dim);

    /// <summary>The k largest elements along a dimension, largest first, and where each stands.</summary>
    public (Tensor Values, Tensor Indices) TopK(long k, int dim = -1) => s_topK.CallPair(this, k, dim);

    /// <summary>The elements in order along a dimension and where each stood; equal ones keep their order.</summary>
    public (Tensor Values, Tensor Indices) Sort(int dim = -1, bool descending = false) => s_sort.CallPair(this, true, dim, descending);

    /// <summary>Where each element of the sorted dimension stood; equal ones keep their order.</summary>
    public Tensor ArgSort(int dim = -1, bool descending = false)
    {
        var (values, indices) = Sort(dim, descending);
        values.Dispose();
        return indices;
    }

    /// <summary>Where the largest element along a dimension stands.</summary>
    public Tensor ArgMax(int dim = -1, bool keepDim = false) => s_argMax.Call(this, dim, keepDim);

    /// <summary>How often each of 0 … minLength-1 (or more) occurs in a vector of integers.</summary>
    public Tensor BinCount(long minLength = 0) => s_binCount.Call(this, Value.None, minLength);

    /// <summary>The logarithm of the sum of e^x along a dimension.</summary>
    public Tensor LogSumExp(int dim, bool keepDim = false) => s_logSumExp.Call(this, dim, keepDim);

    /// <summary>e^x over its sum along a dimension, computed in <paramref name="type"/> if given.</summary>
    public Tensor Softmax(int dim, ScalarType? type = null) => s_softmax.Call(this, dim, type is { } chosen ? chosen : Value.None);

    /// <summary>The logarithm of <see cref="Softmax"/>.</summary>
    public Tensor LogSoftmax(int dim, ScalarType? type = null) => s_logSoftmax.Call(this, dim, type is { } chosen ? chosen : Value.None);

    /// <summary>Which elements are neither infinite nor NaN.</summary>
    public Tensor IsFinite() => s_isFinite.Call(this);

    /// <summary>Whether all elements are true, a scalar.</summary>
    public Tensor All() => s_all.Call(this);

    /// <summary>Whether any element is true, a scalar.</summary>
    public Tensor Any() => s_any.Call(this);
}
