using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>A vector of one kind, so that a kernel is written once for all processors.</summary>
internal unsafe interface IVector<TSelf>
    where TSelf : struct, IVector<TSelf>
{
    /// <summary>Its floats.</summary>
    static abstract int Count { get; }

    /// <summary>32 registers, as with AVX-512, and not 16.</summary>
    static abstract bool HasManyRegisters { get; }

    static abstract TSelf Create(float value);

    static abstract TSelf Load(float* source);

    static abstract TSelf LoadBFloat16(ushort* source);

    static abstract TSelf LoadFloat16(ushort* source);

    static abstract void Store(TSelf value, float* destination);

    /// <summary>a · b + c, rounded once.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The sums of four vectors' floats.</summary>
    static abstract Vector128<float> Sums(TSelf a, TSelf b, TSelf c, TSelf d);
}

/// <summary>A vector of 16 floats with the arithmetic of softmax and sigmoid.</summary>
internal interface IWideVector<TSelf> : IVector<TSelf>
    where TSelf : struct, IWideVector<TSelf>
{
    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    static abstract TSelf Min(TSelf a, TSelf b);

    static abstract TSelf Max(TSelf a, TSelf b);

    static abstract TSelf Round(TSelf x);

    /// <summary>2ⁿ of whole numbers from -126 to 127.</summary>
    static abstract TSelf PowerOfTwo(TSelf n);

    /// <summary>The values, and 0 where x is below a bound.</summary>
    static abstract TSelf ClearBelow(TSelf bound, TSelf x, TSelf values);

    static abstract float Sum(TSelf x);
}

/// <summary>16 floats in one register (AVX-512).</summary>
internal readonly unsafe struct WideVector(Vector512<float> value) : IWideVector<WideVector>
{
    private readonly Vector512<float> value = value;

    public static int Count => Vector512<float>.Count;

    public static bool HasManyRegisters => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector operator +(WideVector a, WideVector b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector operator -(WideVector a, WideVector b) => new(a.value - b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector operator *(WideVector a, WideVector b) => new(a.value * b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector operator /(WideVector a, WideVector b) => new(a.value / b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector LoadBFloat16(ushort* source) => new(Widening.BFloat16(Vector256.Load(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector LoadFloat16(ushort* source) => new(Widening.Float16(Vector256.Load((short*)source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(WideVector value, float* destination) => value.value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector MultiplyAdd(WideVector a, WideVector b, WideVector c) =>
        new(Vector512.FusedMultiplyAdd(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(WideVector a, WideVector b, WideVector c, WideVector d) =>
        VectorMath.Sums(a.value, b.value, c.value, d.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector Min(WideVector a, WideVector b) => new(Vector512.Min(a.value, b.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector Max(WideVector a, WideVector b) => new(Vector512.Max(a.value, b.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector Round(WideVector x) => new(Vector512.Round(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector PowerOfTwo(WideVector n) =>
        new(Vector512.ShiftLeft(Vector512.ConvertToInt32Native(n.value) + Vector512.Create(127), 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WideVector ClearBelow(WideVector bound, WideVector x, WideVector values) =>
        new(Vector512.AndNot(values.value, Vector512.LessThan(x.value, bound.value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(WideVector x) => Vector512.Sum(x.value);
}

/// <summary>16 floats in two registers (AVX2), summed as in <see cref="WideVector"/>.</summary>
internal readonly unsafe struct PairedVector(Vector256<float> low, Vector256<float> high) : IWideVector<PairedVector>
{
    private readonly Vector256<float> low = low, high = high;

    public static int Count => 2 * Vector256<float>.Count;

    public static bool HasManyRegisters => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector operator +(PairedVector a, PairedVector b) => new(a.low + b.low, a.high + b.high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector operator -(PairedVector a, PairedVector b) => new(a.low - b.low, a.high - b.high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector operator *(PairedVector a, PairedVector b) => new(a.low * b.low, a.high * b.high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector operator /(PairedVector a, PairedVector b) => new(a.low / b.low, a.high / b.high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector Create(float value) => new(Vector256.Create(value), Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector Load(float* source) =>
        new(Vector256.Load(source), Vector256.Load(source + Vector256<float>.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector LoadBFloat16(ushort* source) =>
        new(Widening.BFloat16(Vector128.Load(source)), Widening.BFloat16(Vector128.Load(source + Vector256<float>.Count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector LoadFloat16(ushort* source) =>
        new(
            Widening.Float16(Vector128.Load((short*)source)),
            Widening.Float16(Vector128.Load((short*)source + Vector256<float>.Count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(PairedVector value, float* destination)
    {
        value.low.Store(destination);
        value.high.Store(destination + Vector256<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector MultiplyAdd(PairedVector a, PairedVector b, PairedVector c) =>
        new(Vector256.FusedMultiplyAdd(a.low, b.low, c.low), Vector256.FusedMultiplyAdd(a.high, b.high, c.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(PairedVector a, PairedVector b, PairedVector c, PairedVector d) =>
        VectorMath.Sums(a.low + a.high, b.low + b.high, c.low + c.high, d.low + d.high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector Min(PairedVector a, PairedVector b) =>
        new(Vector256.Min(a.low, b.low), Vector256.Min(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector Max(PairedVector a, PairedVector b) =>
        new(Vector256.Max(a.low, b.low), Vector256.Max(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector Round(PairedVector x) => new(Vector256.Round(x.low), Vector256.Round(x.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector PowerOfTwo(PairedVector n) => new(PowerOfTwo(n.low), PowerOfTwo(n.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PairedVector ClearBelow(PairedVector bound, PairedVector x, PairedVector values) =>
        new(
            Vector256.AndNot(values.low, Vector256.LessThan(x.low, bound.low)),
            Vector256.AndNot(values.high, Vector256.LessThan(x.high, bound.high)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(PairedVector x) => Vector256.Sum(x.low) + Vector256.Sum(x.high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<float> n) =>
        Vector256.ShiftLeft(Vector256.ConvertToInt32Native(n) + Vector256.Create(127), 23).AsSingle();
}

/// <summary>8 floats (AVX2).</summary>
internal readonly unsafe struct NarrowVector(Vector256<float> value) : IVector<NarrowVector>
{
    private readonly Vector256<float> value = value;

    public static int Count => Vector256<float>.Count;

    public static bool HasManyRegisters => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NarrowVector Create(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NarrowVector Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NarrowVector LoadBFloat16(ushort* source) => new(Widening.BFloat16(Vector128.Load(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NarrowVector LoadFloat16(ushort* source) => new(Widening.Float16(Vector128.Load((short*)source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(NarrowVector value, float* destination) => value.value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NarrowVector MultiplyAdd(NarrowVector a, NarrowVector b, NarrowVector c) =>
        new(Vector256.FusedMultiplyAdd(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(NarrowVector a, NarrowVector b, NarrowVector c, NarrowVector d) =>
        VectorMath.Sums(a.value, b.value, c.value, d.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(NarrowVector x) => Vector256.Sum(x.value);
}
