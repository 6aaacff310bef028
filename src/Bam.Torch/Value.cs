using System.Runtime.InteropServices;

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

    /// <summary>No value.</summary>
    public static Value None => default;

    /// <summary>The default of the operator's schema; for a middle argument, as trailing ones can be left out.</summary>
    public static Value Default => new(ValueKind.Default);

    /// <summary>What this value holds.</summary>
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

    /// <summary>An integer.</summary>
    public static implicit operator Value(long value) => new(ValueKind.Int, value);

    /// <summary>An integer.</summary>
    public static implicit operator Value(int value) => new(ValueKind.Int, value);

    /// <summary>A number.</summary>
    public static implicit operator Value(double value) => new(value);

    /// <summary>A truth value.</summary>
    public static implicit operator Value(bool value) => new(ValueKind.Bool, value ? 1L : 0L);

    /// <summary>A scalar type, for arguments such as <c>dtype</c>.</summary>
    public static implicit operator Value(ScalarType value) => new(ValueKind.Int, (long)value);

    /// <summary>A device.</summary>
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
