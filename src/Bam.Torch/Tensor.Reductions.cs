namespace Bam.Torch;

// Sums, extremes, orders and counts.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_sum = Operator.Get("aten::sum");
    private static readonly Operator s_sumDims = Operator.Get("aten::sum", "dim_IntList");
    private static readonly Operator s_mean = Operator.Get("aten::mean");
    private static readonly Operator s_meanDims = Operator.Get("aten::mean", "dim");
    private static readonly Operator s_topK = Operator.Get("aten::topk");
    private static readonly Operator s_sort = Operator.Get("aten::sort", "stable");
    private static readonly Operator s_argMax = Operator.Get("aten::argmax");
    private static readonly Operator s_logSumExp = Operator.Get("aten::logsumexp");
    private static readonly Operator s_softmax = Operator.Get("aten::softmax", "int");
    private static readonly Operator s_logSoftmax = Operator.Get("aten::log_softmax", "int");

    /// <summary>The sum of all elements, a scalar.</summary>
    public Tensor Sum() => s_sum.Call(this);

    public Tensor Sum(int dim, bool keepDim = false) => s_sumDims.Call(this, dim, keepDim);

    /// <summary>The mean of all elements, a scalar.</summary>
    public Tensor Mean() => s_mean.Call(this);

    public Tensor Mean(int dim, bool keepDim = false) => s_meanDims.Call(this, dim, keepDim);

    /// <summary>The k largest elements along a dimension, largest first, and where each stands.</summary>
    public (Tensor Values, Tensor Indices) TopK(long k, int dim = -1) => s_topK.CallPair(this, k, dim);

    /// <summary>The elements in order along a dimension and where each stood; equal ones keep their order.</summary>
    public (Tensor Values, Tensor Indices) Sort(int dim = -1, bool descending = false) =>
        s_sort.CallPair(this, true, dim, descending);

    /// <summary>Where each element of the sorted dimension stood; equal ones keep their order.</summary>
    public Tensor ArgSort(int dim = -1, bool descending = false)
    {
        var (values, indices) = Sort(dim, descending);
        values.Dispose();
        return indices;
    }

    public Tensor ArgMax(int dim = -1, bool keepDim = false) => s_argMax.Call(this, dim, keepDim);

    public Tensor LogSumExp(int dim, bool keepDim = false) => s_logSumExp.Call(this, dim, keepDim);

    /// <summary>e^x over its sum along a dimension, computed in <paramref name="type"/> if given.</summary>
    public Tensor Softmax(int dim, ScalarType? type = null) =>
        s_softmax.Call(this, dim, type is { } chosen ? chosen : Value.None);

    public Tensor LogSoftmax(int dim, ScalarType? type = null) =>
        s_logSoftmax.Call(this, dim, type is { } chosen ? chosen : Value.None);
}
