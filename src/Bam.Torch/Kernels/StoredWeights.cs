using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Bam.Torch.Kernels;

/// <summary>A weight as it lies in memory. Products read weights of any kind as float32, and sum in float32.</summary>
internal unsafe interface IStoredWeight<TSelf>
    where TSelf : unmanaged, IStoredWeight<TSelf>
{
    /// <summary>A vector of weights, each exactly its float32.</summary>
    static abstract TVector Load<TVector>(TSelf* source)
        where TVector : struct, IVector<TVector>;
}

/// <summary>A weight of 32 bits.</summary>
[StructLayout(LayoutKind.Sequential, Size = 4)]
internal readonly unsafe struct Float32Weight : IStoredWeight<Float32Weight>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector>(Float32Weight* source)
        where TVector : struct, IVector<TVector> => TVector.Load((float*)source);
}

/// <summary>A weight of 16 bits: the upper half of a float32.</summary>
[StructLayout(LayoutKind.Sequential, Size = 2)]
internal readonly unsafe struct BFloat16Weight : IStoredWeight<BFloat16Weight>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector>(BFloat16Weight* source)
        where TVector : struct, IVector<TVector> => TVector.LoadBFloat16((ushort*)source);
}

/// <summary>A weight of 16 bits, with an exponent of five.</summary>
[StructLayout(LayoutKind.Sequential, Size = 2)]
internal readonly unsafe struct Float16Weight : IStoredWeight<Float16Weight>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector>(Float16Weight* source)
        where TVector : struct, IVector<TVector> => TVector.LoadFloat16((ushort*)source);
}

/// <summary>16-bit floating-point numbers as float32, exactly. .NET has no instruction of F16C.</summary>
internal static unsafe class Widening
{
    // Shifted into the places of a float32, a float16's exponent is smaller by 127 - 15, and that of infinity is not the largest.
    private const float ExponentOffset = 5.192296858534828e33f;  // 2^112
    private const float FirstInfinite = 65536;
    private const int Kept = unchecked((int)0x8FFFE000);  // sign, exponent, mantissa
    private const int LargestExponent = 0x7F800000;

    /// <summary>Converts numbers, a multiple of 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen<TVector, TWeight>(TWeight* from, float* to, long count)
        where TVector : struct, IVector<TVector>
        where TWeight : unmanaged, IStoredWeight<TWeight>
    {
        for (var i = 0L; i < count; i += TVector.Count) TVector.Store(TWeight.Load<TVector>(from + i), to + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> BFloat16(Vector256<ushort> bits) =>
        Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(bits), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> BFloat16(Vector128<ushort> bits) =>
        Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(bits), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Float16(Vector256<short> bits)
    {
        var placed = Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(bits), 13) & Vector512.Create(Kept);
        var values = placed.AsSingle() * Vector512.Create(ExponentOffset);
        var isPast = Vector512.GreaterThanOrEqual(Vector512.Abs(values), Vector512.Create(FirstInfinite)).AsInt32();
        return (values.AsInt32() | (isPast & Vector512.Create(LargestExponent))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Float16(Vector128<short> bits)
    {
        var placed = Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(bits), 13) & Vector256.Create(Kept);
        var values = placed.AsSingle() * Vector256.Create(ExponentOffset);
        var isPast = Vector256.GreaterThanOrEqual(Vector256.Abs(values), Vector256.Create(FirstInfinite)).AsInt32();
        return (values.AsInt32() | (isPast & Vector256.Create(LargestExponent))).AsSingle();
    }
}
