namespace Bam.Torch;

/// <summary>The type of a tensor's elements, with libtorch's numbers.</summary>
internal enum ScalarType : sbyte
{
    UInt8 = 0,
    Int8 = 1,
    Int16 = 2,
    Int32 = 3,
    Int64 = 4,
    Float16 = 5,
    Float32 = 6,
    Float64 = 7,

    /// <summary>One byte, 0 or 1.</summary>
    Bool = 11,

    /// <summary>The upper half of a single-precision number.</summary>
    BFloat16 = 15,
}

/// <summary>How <see cref="ScalarType"/> and .NET's types correspond.</summary>
internal static class ScalarTypes
{
    /// <summary>The scalar type of a .NET type.</summary>
    /// <exception cref="NotSupportedException">No tensor holds this type.</exception>
    public static ScalarType Of<T>()
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
            return ScalarType.Float32;
        if (typeof(T) == typeof(long))
            return ScalarType.Int64;
        if (typeof(T) == typeof(int))
            return ScalarType.Int32;
        if (typeof(T) == typeof(double))
            return ScalarType.Float64;
        if (typeof(T) == typeof(bool))
            return ScalarType.Bool;
        if (typeof(T) == typeof(byte))
            return ScalarType.UInt8;
        if (typeof(T) == typeof(sbyte))
            return ScalarType.Int8;
        if (typeof(T) == typeof(short))
            return ScalarType.Int16;
        if (typeof(T) == typeof(Half))
            return ScalarType.Float16;
        throw new NotSupportedException(
            $"no tensor holds {typeof(T)}; supported: float, double, Half, long, int, short, sbyte, byte, bool");
    }

    /// <summary>Whether a span of <typeparamref name="T"/> can be laid over elements of <paramref name="type"/>:
    /// the same type, or <see cref="ushort"/> for the bits of a <see cref="ScalarType.BFloat16"/>.</summary>
    public static bool Fits<T>(ScalarType type)
        where T : unmanaged =>
        type == ScalarType.BFloat16 ? typeof(T) == typeof(ushort) : typeof(T) != typeof(ushort) && Of<T>() == type;

    public static int ByteSize(this ScalarType type) => type switch
    {
        ScalarType.UInt8 or ScalarType.Int8 or ScalarType.Bool => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 => 4,
        ScalarType.Int64 or ScalarType.Float64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a scalar type"),
    };

    public static bool IsFloatingPoint(this ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16;
}
