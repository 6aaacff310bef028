using System.Text;

namespace Bam.Torch;

// Making tensors and reading their elements.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_arange = Operator.Get("aten::arange", "start_step");
    private static readonly Operator s_item = Operator.Get("aten::item");
    private static readonly Operator s_fromFile = Operator.Get("aten::from_file");
    private static readonly Operator s_viewAs = Operator.Get("aten::view", "dtype");

    /// <summary>A tensor whose elements are undefined.</summary>
    public static Tensor Empty(ReadOnlySpan<long> shape, ScalarType type = ScalarType.Float32, Device device = default)
    {
        nint result;
        fixed (long* sizes = shape)
        {
            var index = device.IsCpu ? -1 : device.Index;
            Native.Check(
                Native.bam_tensor_empty(sizes, shape.Length, (int)type, (int)device.Type, index, &result), "aten::empty");
        }

        return new Tensor(result);
    }

    public static Tensor Zeros(ReadOnlySpan<long> shape, ScalarType type = ScalarType.Float32, Device device = default) =>
        Empty(shape, type, device).Zero_();

    public static Tensor Full(
        ReadOnlySpan<long> shape, Scalar value, ScalarType type = ScalarType.Float32, Device device = default) =>
        Empty(shape, type, device).Fill_(value);

    /// <summary>The integers from <paramref name="start"/> up to, not including, <paramref name="end"/>.</summary>
    public static Tensor Arange(long start, long end, ScalarType type = ScalarType.Int64, Device device = default) =>
        s_arange.Call(start, end, 1, type, Value.None, device);

    /// <summary>The integers from 0 up to, not including, <paramref name="end"/>.</summary>
    public static Tensor Arange(long end, ScalarType type = ScalarType.Int64, Device device = default) =>
        Arange(0, end, type, device);

    /// <summary>A tensor with a copy of <paramref name="values"/> in row-major order.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public static Tensor From<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> shape, Device device = default)
        where T : unmanaged
    {
        var count = 1L;
        foreach (var size in shape)
            count = checked(count * size);
        if (count != values.Length)
            throw new ArgumentException(
                $"expected {count} values for the shape [{string.Join(", ", shape.ToArray())}], found {values.Length}",
                nameof(values));

        var tensor = Empty(shape, ScalarTypes.Of<T>());
        values.CopyTo(tensor.AsSpan<T>());
        if (device.IsCpu)
            return tensor;
        var moved = tensor.To(device);
        tensor.Dispose();
        return moved;
    }

    /// <summary>A one-dimensional tensor with a copy of <paramref name="values"/>.</summary>
    public static Tensor From<T>(ReadOnlySpan<T> values, Device device = default)
        where T : unmanaged => From(values, [values.Length], device);

    /// <summary>
    /// The bytes of a file from its beginning, mapped: the system reads them when they are used, and keeps them once for all
    /// processes. What is written into the tensor does not reach the file. The file may be deleted or replaced, but whoever
    /// makes it shorter ends this process.
    /// </summary>
    /// <exception cref="TorchException">The file cannot be read, or is shorter.</exception>
    public static Tensor MapFile(string path, long length)
    {
        var name = Encoding.UTF8.GetBytes(path);
        fixed (byte* text = name)
            return s_fromFile.Call(Value.Utf8(text, name.Length), false, length, ScalarType.UInt8);
    }

    /// <summary>The same memory as elements of another type; a first byte that the type's size divides.</summary>
    public Tensor ViewAs(ScalarType type) => s_viewAs.Call(this, type);

    /// <summary>Its elements in place. The span must not be used after the tensor was freed.</summary>
    /// <typeparam name="T">
    /// The elements' type; <see cref="ushort"/> for the bits of <see cref="ScalarType.BFloat16"/>.
    /// </typeparam>
    /// <exception cref="TorchException">It is not on the CPU, not contiguous, of another type, or larger than a span.</exception>
    public Span<T> AsSpan<T>()
        where T : unmanaged
    {
        if (!Device.IsCpu || !IsContiguous)
            throw new TorchException(
                "AsSpan",
                $"expected a contiguous tensor on the processor, found {this}{(IsContiguous ? "" : " with gaps")}; use ToArray");
        if (!ScalarTypes.Fits<T>(ScalarType))
            throw new TorchException("AsSpan", $"expected elements of {typeof(T).Name}, found {this}");
        if (Count > int.MaxValue)
            throw new TorchException("AsSpan", $"{this} has more elements than a span can; take it in parts by Narrow");
        return new Span<T>((void*)DataPointer, (int)Count);
    }

    /// <summary>A copy of its elements in row-major order, from whatever device.</summary>
    /// <exception cref="TorchException">The elements are of another type.</exception>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        return To(Device.Cpu).Contiguous().AsSpan<T>().ToArray();
    }

    /// <summary>Its only element, converted to <typeparamref name="T"/>.</summary>
    /// <exception cref="TorchException">It has more elements, or none.</exception>
    /// <exception cref="InvalidOperationException">An integer is asked for and the element is none.</exception>
    public T Item<T>()
        where T : unmanaged
    {
        var value = s_item.CallValue(this);
        if (typeof(T) == typeof(double))
            return (T)(object)value.Number;
        if (typeof(T) == typeof(float))
            return (T)(object)(float)value.Number;
        if (typeof(T) == typeof(bool))
            return (T)(object)(value.Number != 0);
        if (typeof(T) == typeof(long))
            return (T)(object)value.Integer;
        if (typeof(T) == typeof(int))
            return (T)(object)checked((int)value.Integer);
        throw new NotSupportedException($"Item gives float, double, long, int or bool, not {typeof(T)}");
    }

    /// <summary>The handles of tensors; 0 for null.</summary>
    internal static nint[] Handles(ReadOnlySpan<Tensor> tensors)
    {
        var handles = new nint[tensors.Length];
        for (var i = 0; i < handles.Length; i++)
            handles[i] = tensors[i]?.LiveHandle ?? 0;
        return handles;
    }
}
