using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Bam.Torch;

/// <summary>
/// One argument or result of an operator: 16 blittable bytes, so that a call allocates nothing. Lists and strings are
/// borrowed memory: it must stay where it is (pinned, or on the stack) until the call returns.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal readonly unsafe struct Value
{
    [FieldOffset(0)]
    private readonly ValueKind kind;

    [FieldOffset(4)]
    private readonly int length;

    [FieldOffset(8)]
    private readonly long integer;

    [FieldOffset(8)]
    private readonly double real;

    [FieldOffset(8)]
    private readonly nint pointer;

    private Value(ValueKind kind) => this.kind = kind;

    private Value(ValueKind kind, long integer, int length = 0)
        : this(kind)
    {
        this.integer = integer;
        this.length = length;
    }

    private Value(double real)
        : this(ValueKind.Double) => this.real = real;

    private Value(ValueKind kind, void* pointer, int length)
        : this(kind)
    {
        this.pointer = (nint)pointer;
        this.length = length;
    }

    public static Value None => default;

    /// <summary>The default of the operator's schema; for a middle argument, as trailing ones can be left out.</summary>
    public static Value Default => new(ValueKind.Default);

    public ValueKind Kind => this.kind;

    /// <summary>The handle of a tensor.</summary>
    public nint Handle => this.kind == ValueKind.Tensor ? this.pointer : 0;

    /// <summary>An integer or, as 0 and 1, a truth value.</summary>
    /// <exception cref="InvalidOperationException">It holds something else.</exception>
    public long Integer => this.kind is ValueKind.Int or ValueKind.Bool
        ? this.integer
        : throw new InvalidOperationException($"expected an integer, found {this.kind}");

    /// <summary>A number of any kind.</summary>
    /// <exception cref="InvalidOperationException">It holds something else.</exception>
    public double Number => this.kind == ValueKind.Double ? this.real : Integer;

    internal int Length => this.length;

    internal nint Pointer => this.pointer;

    /// <summary>A tensor, or none for null.</summary>
    /// <exception cref="ObjectDisposedException">The tensor was freed.</exception>
    public static implicit operator Value(Tensor? tensor) =>
        tensor is null ? None : new Value(ValueKind.Tensor, (void*)tensor.LiveHandle, 0);

    public static implicit operator Value(long value) => new(ValueKind.Int, value);
    public static implicit operator Value(int value) => new(ValueKind.Int, value);
    public static implicit operator Value(double value) => new(value);
    public static implicit operator Value(bool value) => new(ValueKind.Bool, value ? 1L : 0L);

    /// <summary>A scalar type, for arguments such as <c>dtype</c>.</summary>
    public static implicit operator Value(ScalarType value) => new(ValueKind.Int, (long)value);

    public static implicit operator Value(Device value) =>
        new(ValueKind.Device, (long)value.Type, value.IsCpu ? -1 : value.Index);

    /// <summary>Integers, in memory that stays where it is until the call returns.</summary>
    public static Value Integers(long* values, int count) => new(ValueKind.IntList, values, count);

    /// <summary>Numbers, in memory that stays where it is until the call returns.</summary>
    public static Value Numbers(double* values, int count) => new(ValueKind.DoubleList, values, count);

    /// <summary>Truth values, in memory that stays where it is until the call returns.</summary>
    public static Value Booleans(bool* values, int count) => new(ValueKind.BoolList, values, count);

    /// <summary>Tensor handles (0 for none), in memory that stays where it is until the call returns.</summary>
    public static Value Tensors(nint* handles, int count) => new(ValueKind.TensorList, handles, count);

    /// <summary>UTF-8 text, in memory that stays where it is until the call returns.</summary>
    public static Value Utf8(byte* text, int byteCount) => new(ValueKind.String, text, byteCount);
}

/// <summary>What a <see cref="Value"/> holds; the numbers are shared with native/bridge.h.</summary>
internal enum ValueKind
{
    /// <summary>No value, for optional arguments.</summary>
    None = 0,

    /// <summary>A tensor's handle.</summary>
    Tensor = 1,

    /// <summary>A 64-bit integer; also a scalar type, a layout or a memory format.</summary>
    Int = 2,

    Double = 3,
    Bool = 4,

    /// <summary>UTF-8 text.</summary>
    String = 5,

    Device = 6,
    IntList = 7,
    DoubleList = 8,
    BoolList = 9,

    /// <summary>A list of tensor handles; null stands for none.</summary>
    TensorList = 10,

    /// <summary>The default of the operator's schema.</summary>
    Default = 11,
}

/// <summary>
/// A number as an operator's argument. It stays an integer or not, as it was written: integers times <c>2</c> are
/// integers, times <c>2.0</c> they are not.
/// </summary>
internal readonly struct Scalar
{
    private readonly Value value;

    private Scalar(Value value) => this.value = value;

    public static implicit operator Scalar(int value) => new(value);
    public static implicit operator Scalar(long value) => new(value);
    public static implicit operator Scalar(double value) => new(value);
    public static implicit operator Scalar(bool value) => new(value);
    public static implicit operator Value(Scalar scalar) => scalar.value;
}

/// <summary>Writes arguments for error messages: types and shapes of tensors, values of the rest.</summary>
internal static unsafe class ValueText
{
    internal static string Of(ReadOnlySpan<Value> values)
    {
        var text = new StringBuilder();
        foreach (var value in values)
        {
            if (text.Length > 0)
                text.Append(", ");
            Append(text, value);
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, Value value)
    {
        switch (value.Kind)
        {
            case ValueKind.Tensor:
                AppendTensor(text, value.Handle);
                break;
            case ValueKind.Int:
                text.Append(CultureInfo.InvariantCulture, $"{value.Integer}");
                break;
            case ValueKind.Double:
                text.Append(CultureInfo.InvariantCulture, $"{value.Number}");
                break;
            case ValueKind.Bool:
                text.Append(value.Integer != 0 ? "true" : "false");
                break;
            case ValueKind.String:
                text.Append('"').Append(Encoding.UTF8.GetString((byte*)value.Pointer, value.Length)).Append('"');
                break;
            case ValueKind.IntList:
                AppendList(text, new ReadOnlySpan<long>((void*)value.Pointer, value.Length));
                break;
            case ValueKind.DoubleList:
                AppendList(text, new ReadOnlySpan<double>((void*)value.Pointer, value.Length));
                break;
            case ValueKind.BoolList:
                AppendList(text, new ReadOnlySpan<bool>((void*)value.Pointer, value.Length));
                break;
            case ValueKind.TensorList:
                AppendTensors(text, new ReadOnlySpan<nint>((void*)value.Pointer, value.Length));
                break;
            default:
                text.Append(value.Kind);
                break;
        }
    }

    private static void AppendTensor(StringBuilder text, nint handle)
    {
        Native.TensorInfo info;
        Native.bam_tensor_info(handle, &info);
        Span<long> shape = info.Rank == 0 ? [] : new long[info.Rank];
        fixed (long* sizes = shape)
            Native.bam_tensor_shape(handle, sizes);
        text.Append((ScalarType)info.ScalarType);
        AppendList(text, shape);
    }

    private static void AppendTensors(StringBuilder text, ReadOnlySpan<nint> handles)
    {
        text.Append('[');
        for (var i = 0; i < handles.Length; i++)
        {
            if (i > 0)
                text.Append(", ");
            if (handles[i] == 0)
                text.Append("None");
            else
                AppendTensor(text, handles[i]);
        }

        text.Append(']');
    }

    private static void AppendList<T>(StringBuilder text, ReadOnlySpan<T> values)
    {
        text.Append('[');
        for (var i = 0; i < values.Length; i++)
            text.Append(i > 0 ? ", " : "").Append(CultureInfo.InvariantCulture, $"{values[i]}");
        text.Append(']');
    }
}
