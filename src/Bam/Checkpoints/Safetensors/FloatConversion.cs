using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Bam.Checkpoints.Safetensors;

/// <summary>Conversions between float32 and other floating-point types, rounding to nearest even; little-endian.</summary>
internal static class FloatConversion
{
    private static readonly float[] FromE4M3 = Table(bits => (bits & 0x7F) == 0x7F ? float.NaN : WithSign(bits, (bits & 0x78) == 0
        ? (bits & 7) * MathF.ScaleB(1, -9)
        : MathF.ScaleB(1 + ((bits & 7) / 8f), ((bits >> 3) & 15) - 7)));

    private static readonly float[] FromE5M2 = Table(bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)));

    private static readonly float[] FromE8M0 = Table(bits => bits == 0xFF ? float.NaN : MathF.ScaleB(1, bits - 127));

    /// <summary>Widens (or, from float64, rounds) to float32.</summary>
    public static void ToFloat32(TensorDtype dtype, ReadOnlySpan<byte> source, Span<float> destination)
    {
        CheckLengths(dtype, source.Length, destination.Length);
        switch (dtype)
        {
            case TensorDtype.Float32: source.CopyTo(MemoryMarshal.AsBytes(destination)); break;
            case TensorDtype.BFloat16: FromBFloat16(MemoryMarshal.Cast<byte, ushort>(source), destination); break;
            case TensorDtype.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(source), destination);
                break;
            case TensorDtype.Float64:
                TensorPrimitives.ConvertTruncating<double, float>(MemoryMarshal.Cast<byte, double>(source), destination);
                break;
            case TensorDtype.Float8E4M3: LookUp(FromE4M3, source, destination); break;
            case TensorDtype.Float8E5M2: LookUp(FromE5M2, source, destination); break;
            case TensorDtype.Float8E8M0: LookUp(FromE8M0, source, destination); break;
            default: throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "not a floating-point type");
        }
    }

    /// <summary>Rounds float32 to nearest even in another type; too large becomes infinite, NaN stays NaN.</summary>
    public static void FromFloat32(ReadOnlySpan<float> source, TensorDtype dtype, Span<byte> destination)
    {
        CheckLengths(dtype, destination.Length, source.Length);
        switch (dtype)
        {
            case TensorDtype.Float32: MemoryMarshal.AsBytes(source).CopyTo(destination); break;
            case TensorDtype.BFloat16: ToBFloat16(source, MemoryMarshal.Cast<byte, ushort>(destination)); break;
            case TensorDtype.Float16: TensorPrimitives.ConvertToHalf(source, MemoryMarshal.Cast<byte, Half>(destination)); break;
            case TensorDtype.Float64:
                TensorPrimitives.ConvertTruncating<float, double>(source, MemoryMarshal.Cast<byte, double>(destination));
                break;
            default: throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "not a floating-point type");
        }
    }

    /// <summary>The float32 of a bfloat16's bits.</summary>
    public static float FromBFloat16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>The bits of the bfloat16 nearest to a float32, to even on a tie.</summary>
    public static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private static float[] Table(Func<int, float> valueOf) => [.. Enumerable.Range(0, 256).Select(valueOf)];

    private static float WithSign(int bits, float magnitude) => (bits & 0x80) == 0 ? magnitude : -magnitude;

    private static void LookUp(float[] table, ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (var i = 0; i < source.Length; i++) destination[i] = table[source[i]];
    }

    private static void FromBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (lower, upper) = Vector256.Widen(Vector256.Create(source[i..]));
            Vector256.ShiftLeft(lower, 16).AsSingle().CopyTo(destination[i..]);
            Vector256.ShiftLeft(upper, 16).AsSingle().CopyTo(destination[(i + Vector256<uint>.Count)..]);
        }

        for (; i < source.Length; i++) destination[i] = FromBFloat16(source[i]);
    }

    private static void ToBFloat16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        var i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var lower = RoundToUpperHalf(Vector256.Create(source[i..]));
            var upper = RoundToUpperHalf(Vector256.Create(source[(i + Vector256<float>.Count)..]));
            Vector256.Narrow(lower, upper).CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++) destination[i] = ToBFloat16(source[i]);
    }

    private static Vector256<uint> RoundToUpperHalf(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var upper = Vector256.ShiftRightLogical(bits, 16);
        var rounded = Vector256.ShiftRightLogical(bits + Vector256.Create(0x7FFFu) + (upper & Vector256<uint>.One), 16);
        return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, upper | Vector256.Create(0x40u));
    }

    private static void CheckLengths(TensorDtype dtype, int bytes, int elements)
    {
        if (bytes != (long)elements * dtype.ByteSize)
            throw new ArgumentException(
                $"{elements} elements of {dtype} have {(long)elements * dtype.ByteSize} bytes, not {bytes}");
    }
}
