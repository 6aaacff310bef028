namespace Bam.Torch;

// Views, copies and conversions. Dimensions may be negative: they count from the last.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_view = Operator.Get("aten::view");
    private static readonly Operator s_reshape = Operator.Get("aten::reshape");
    private static readonly Operator s_permute = Operator.Get("aten::permute");
    private static readonly Operator s_transpose = Operator.Get("aten::transpose", "int");
    private static readonly Operator s_contiguous = Operator.Get("aten::contiguous");
    private static readonly Operator s_clone = Operator.Get("aten::clone");
    private static readonly Operator s_narrow = Operator.Get("aten::narrow");
    private static readonly Operator s_select = Operator.Get("aten::select", "int");
    private static readonly Operator s_slice = Operator.Get("aten::slice", "Tensor");
    private static readonly Operator s_splitSizes = Operator.Get("aten::split_with_sizes");
    private static readonly Operator s_cat = Operator.Get("aten::cat");
    private static readonly Operator s_stack = Operator.Get("aten::stack");
    private static readonly Operator s_squeeze = Operator.Get("aten::squeeze", "dim");
    private static readonly Operator s_unsqueeze = Operator.Get("aten::unsqueeze");
    private static readonly Operator s_expand = Operator.Get("aten::expand");
    private static readonly Operator s_repeatInterleave = Operator.Get("aten::repeat_interleave", "self_int");
    private static readonly Operator s_flatten = Operator.Get("aten::flatten", "using_ints");
    private static readonly Operator s_toType = Operator.Get("aten::to", "dtype");
    private static readonly Operator s_toLayout = Operator.Get("aten::to", "dtype_layout");

    /// <summary>Joins tensors along a dimension that they have.</summary>
    public static Tensor Cat(ReadOnlySpan<Tensor> tensors, int dim = 0)
    {
        fixed (nint* handles = Handles(tensors))
            return s_cat.Call(Value.Tensors(handles, tensors.Length), dim);
    }

    /// <summary>Joins tensors of one shape along a new dimension.</summary>
    public static Tensor Stack(ReadOnlySpan<Tensor> tensors, int dim = 0)
    {
        fixed (nint* handles = Handles(tensors))
            return s_stack.Call(Value.Tensors(handles, tensors.Length), dim);
    }

    /// <summary>The same memory in another shape; one size may be -1.</summary>
    public Tensor View(params ReadOnlySpan<long> shape)
    {
        fixed (long* sizes = shape)
            return s_view.Call(this, Value.Integers(sizes, shape.Length));
    }

    /// <summary>Another shape, copied only where the memory demands it; one size may be -1.</summary>
    public Tensor Reshape(params ReadOnlySpan<long> shape)
    {
        fixed (long* sizes = shape)
            return s_reshape.Call(this, Value.Integers(sizes, shape.Length));
    }

    public Tensor Permute(params ReadOnlySpan<long> dims)
    {
        fixed (long* order = dims)
            return s_permute.Call(this, Value.Integers(order, dims.Length));
    }

    public Tensor Transpose(int first, int second) => s_transpose.Call(this, first, second);

    /// <summary>The same elements without gaps in row-major order; copies only if they are not.</summary>
    public Tensor Contiguous() => IsContiguous ? Alias() : s_contiguous.Call(this);

    public Tensor Clone() => s_clone.Call(this);

    /// <summary>A part of a dimension, as a view.</summary>
    public Tensor Narrow(int dim, long start, long length) => s_narrow.Call(this, dim, start, length);

    /// <summary>One place of a dimension, which disappears; a view.</summary>
    public Tensor Select(int dim, long index) => s_select.Call(this, dim, index);

    /// <summary>Every <paramref name="step"/>-th place of a dimension from start to end, exclusive; a view.</summary>
    public Tensor Slice(int dim, long start, long end, long step = 1) => s_slice.Call(this, dim, start, end, step);

    /// <summary>Parts of the given lengths, as views.</summary>
    public Tensor[] Split(ReadOnlySpan<long> sizes, int dim = 0)
    {
        fixed (long* lengths = sizes)
            return s_splitSizes.CallMany(this, Value.Integers(lengths, sizes.Length), dim);
    }

    /// <summary>Without a dimension of size 1.</summary>
    public Tensor Squeeze(int dim) => s_squeeze.Call(this, dim);

    /// <summary>With a new dimension of size 1.</summary>
    public Tensor Unsqueeze(int dim) => s_unsqueeze.Call(this, dim);

    /// <summary>Dimensions of size 1 repeated without copying; -1 leaves one as it is.</summary>
    public Tensor Expand(params ReadOnlySpan<long> shape)
    {
        fixed (long* sizes = shape)
            return s_expand.Call(this, Value.Integers(sizes, shape.Length));
    }

    /// <summary>Each place of a dimension repeated, copied.</summary>
    public Tensor RepeatInterleave(long times, int dim) => s_repeatInterleave.Call(this, times, dim);

    public Tensor Flatten(int first = 0, int last = -1) => s_flatten.Call(this, first, last);

    /// <summary>With elements of another type; the same tensor if they are.</summary>
    public Tensor To(ScalarType type) => type == ScalarType ? Alias() : s_toType.Call(this, type);

    /// <summary>On another device; the same tensor if it is there.</summary>
    public Tensor To(Device device) => s_toLayout.Call(this, Value.None, Value.None, device);

    // What libtorch's operators return where there is nothing to do, without a call of them.
    private Tensor Alias() => new(Native.bam_tensor_retain(LiveHandle));
}
