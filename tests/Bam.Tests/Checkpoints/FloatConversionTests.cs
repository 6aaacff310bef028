using System.Runtime.InteropServices;
using Bam.Checkpoints.Safetensors;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

public sealed class FloatConversionTests
{
    [Theory]
    [InlineData(TensorDtype.Float8E4M3, 0x00, 0)]
    [InlineData(TensorDtype.Float8E4M3, 0x01, 0.001953125)] // 2^-9, the smallest
    [InlineData(TensorDtype.Float8E4M3, 0x07, 0.013671875)] // the largest subnormal
    [InlineData(TensorDtype.Float8E4M3, 0x08, 0.015625)] // 2^-6
    [InlineData(TensorDtype.Float8E4M3, 0x38, 1)]
    [InlineData(TensorDtype.Float8E4M3, 0xBC, -1.5)]
    [InlineData(TensorDtype.Float8E4M3, 0x7E, 448)] // the largest
    [InlineData(TensorDtype.Float8E4M3, 0x7F, double.NaN)]
    [InlineData(TensorDtype.Float8E4M3, 0xFF, double.NaN)]
    [InlineData(TensorDtype.Float8E5M2, 0x3C, 1)]
    [InlineData(TensorDtype.Float8E5M2, 0x7B, 57344)] // the largest
    [InlineData(TensorDtype.Float8E5M2, 0xFC, double.NegativeInfinity)]
    [InlineData(TensorDtype.Float8E8M0, 0x7F, 1)]
    [InlineData(TensorDtype.Float8E8M0, 0x80, 2)]
    [InlineData(TensorDtype.Float8E8M0, 0x00, 5.877471754111438E-39)] // 2^-127
    [InlineData(TensorDtype.Float8E8M0, 0xFF, double.NaN)]
    public void Eight_bits_are_read(TensorDtype dtype, byte bits, double expected)
    {
        var value = new float[1];
        FloatConversion.ToFloat32(dtype, [bits], value);
        value[0].ShouldBe((float)expected);
    }

    [Fact]
    public void Every_bfloat16_survives_float32()
    {
        var all = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        var wide = new float[all.Length];
        FloatConversion.ToFloat32(TensorDtype.BFloat16, MemoryMarshal.AsBytes(all.AsSpan()), wide);
        wide[0x3F80].ShouldBe(1f);
        wide[0xC040].ShouldBe(-3f);
        var narrow = new ushort[all.Length];
        FloatConversion.FromFloat32(wide, TensorDtype.BFloat16, MemoryMarshal.AsBytes(narrow.AsSpan()));
        var expected = all.Select(bits => float.IsNaN(wide[bits]) ? (ushort)(bits | 0x40) : bits);
        narrow.SequenceEqual(expected).ShouldBeTrue();
    }

    [Theory]
    [InlineData(0x3F800000u, 0x3F80)] // 1
    [InlineData(0x3F808000u, 0x3F80)] // halfway, below is even
    [InlineData(0x3F818000u, 0x3F82)] // halfway, above is even
    [InlineData(0x3F808001u, 0x3F81)]
    [InlineData(0x3F817FFFu, 0x3F81)]
    [InlineData(0xBF818000u, 0xBF82)]
    [InlineData(0x3FFF8000u, 0x4000)] // carries into the exponent
    [InlineData(0x7F7F7FFFu, 0x7F7F)] // the largest that stays finite
    [InlineData(0x7F7F8000u, 0x7F80)] // becomes infinite
    [InlineData(0x7F800000u, 0x7F80)]
    [InlineData(0xFF800000u, 0xFF80)]
    [InlineData(0x00008000u, 0x0000)] // subnormal, halfway
    [InlineData(0x00018000u, 0x0002)]
    [InlineData(0x80000000u, 0x8000)]
    [InlineData(0x7F800001u, 0x7FC0)] // NaN stays NaN though its upper half is infinity
    [InlineData(0xFFFFFFFFu, 0xFFFF)]
    public void Float32_rounds_to_the_nearest_bfloat16_and_to_even_on_ties(uint bits, int expected)
    {
        var value = BitConverter.UInt32BitsToSingle(bits);
        FloatConversion.ToBFloat16(value).ShouldBe((ushort)expected);
        var narrow = new ushort[40];
        FloatConversion.FromFloat32(
            Enumerable.Repeat(value, narrow.Length).ToArray(), TensorDtype.BFloat16, MemoryMarshal.AsBytes(narrow.AsSpan()));
        narrow.ShouldAllBe(half => half == (ushort)expected);
    }

    [Fact]
    public void Random_bit_patterns_round_to_the_nearest_bfloat16_by_distance()
    {
        var random = new RandomStream(0, "bfloat16");
        for (var i = 0; i < 10_000; i++)
        {
            var value = BitConverter.UInt32BitsToSingle((uint)random.NextUInt64());
            if (!float.IsFinite(value)) continue;
            var below = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
            double down = FloatConversion.FromBFloat16(below), up = FloatConversion.FromBFloat16((ushort)(below + 1));
            if (!double.IsFinite(up)) continue;
            double toDown = Math.Abs(value - down), toUp = Math.Abs(up - value);
            var nearest = toDown < toUp || (toDown == toUp && below % 2 == 0) ? below : (ushort)(below + 1);
            FloatConversion.ToBFloat16(value).ShouldBe(nearest);
        }
    }

    [Fact]
    public void Float16_and_float64_agree_with_the_casts_of_the_language()
    {
        var random = new RandomStream(0, "float16");
        float[] values =
        [
            0, -0f, 1, 65504, 65519.99f, 65520, 1e-8f, 5.9604645e-8f, 2.9802322e-8f, 2.98023259e-8f, 2049, 2051,
            float.PositiveInfinity, float.MaxValue,
            .. Enumerable.Range(0, 10_000)
                .Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(2, (random.NextDouble() * 50) - 30))),
        ];
        var halves = new Half[values.Length];
        FloatConversion.FromFloat32(values, TensorDtype.Float16, MemoryMarshal.AsBytes(halves.AsSpan()));
        halves.ShouldBe(values.Select(value => (Half)value));
        var back = new float[values.Length];
        FloatConversion.ToFloat32(TensorDtype.Float16, MemoryMarshal.AsBytes(halves.AsSpan()), back);
        back.ShouldBe(halves.Select(value => (float)value));

        var doubles = Enumerable.Range(0, 10_000).Select(_ => (random.NextDouble() - 0.5) * 1e3).Append(1 + Math.Pow(2, -24))
            .Append(1e300).ToArray();
        var singles = new float[doubles.Length];
        FloatConversion.ToFloat32(TensorDtype.Float64, MemoryMarshal.AsBytes(doubles.AsSpan()), singles);
        singles.ShouldBe(doubles.Select(value => (float)value));
        var wide = new double[singles.Length];
        FloatConversion.FromFloat32(singles, TensorDtype.Float64, MemoryMarshal.AsBytes(wide.AsSpan()));
        wide.ShouldBe(singles.Select(value => (double)value));
    }

    [Fact]
    public void Lengths_that_do_not_match_and_integer_types_are_faults_of_the_caller()
    {
        Should.Throw<ArgumentException>(() => FloatConversion.ToFloat32(TensorDtype.BFloat16, new byte[3], new float[2]));
        Should.Throw<ArgumentException>(() => FloatConversion.FromFloat32(new float[2], TensorDtype.Int32, new byte[8]));
    }
}
