namespace Bam.Torch;

/// <summary>What a <see cref="Value"/> holds; the numbers are shared with native/bridge.h.</summary>
internal enum ValueKind
{
    /// <summary>No value, for optional arguments.</summary>
    None = 0,

    /// <summary>A tensor's handle.</summary>
    Tensor = 1,

    /// <summary>A 64-bit integer; also a scalar type, a layout or a memory format.</summary>
    Int = 2,

    /// <summary>A double-precision number.</summary>
    Double = 3,

    /// <summary>A truth value.</summary>
    Bool = 4,

    /// <summary>UTF-8 text.</summary>
    String = 5,

    /// <summary>A device.</summary>
    Device = 6,

    /// <summary>A list of 64-bit integers.</summary>
    IntList = 7,

    /// <summary>A list of double-precision numbers.</summary>
    DoubleList = 8,

    /// <summary>A list of truth values.</summary>
    BoolList = 9,

    /// <summary>A list of tensor handles; null stands for none.</summary>
    TensorList = 10,

    /// <summary>The default of the operator's schema.</summary>
    Default = 11,
}
