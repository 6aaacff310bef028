using System.Globalization;
using System.Numerics.Tensors;

namespace Bam.Checkpoints.Safetensors;

/// <summary>
/// Finds finite numbers that a narrower dtype would round to infinity. Infinity and NaN themselves are not narrowed: every
/// floating-point dtype has them.
/// </summary>
internal static class Narrowing
{
    private const string CorrectOrCopy = "correct the number, or only copy the tensor by --dtype float64";

    /// <summary>
    /// The smallest magnitude that a dtype rounds to infinity: half a step above its largest number. Infinity where there is
    /// none.
    /// </summary>
    public static float LimitOf(TensorDtype dtype) => dtype switch
    {
        TensorDtype.Float16 => 65_520,
        TensorDtype.BFloat16 => BitConverter.UInt32BitsToSingle(0x7F7F_8000),
        _ => float.PositiveInfinity,
    };

    /// <summary>The largest number of a dtype.</summary>
    public static float LargestOf(TensorDtype dtype) => dtype switch
    {
        TensorDtype.Float16 => (float)Half.MaxValue,
        TensorDtype.BFloat16 => BitConverter.UInt32BitsToSingle(0x7F7F_0000),
        _ => float.MaxValue,
    };

    /// <summary>The place of the first finite number of at least that magnitude, or -1.</summary>
    public static int FirstBeyond(float limit, ReadOnlySpan<float> values)
    {
        if (float.IsPositiveInfinity(limit) || MathF.Abs(TensorPrimitives.MaxMagnitude(values)) < limit) return -1;
        for (var i = 0; i < values.Length; i++)
        {
            if (float.IsFinite(values[i]) && MathF.Abs(values[i]) >= limit) return i;
        }

        return -1;
    }

    /// <summary>The fault of a number that does not fit a type; it begins with the file, the tensor and the index.</summary>
    public static InvalidInputException Fault(string where, float value, string type, float largest)
    {
        var wider = type != TensorDtype.BFloat16.TorchName && MathF.Abs(value) < LimitOf(TensorDtype.BFloat16)
            ? TensorDtype.BFloat16
            : TensorDtype.Float32;
        return new(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{where} = {value} does not fit {type} (at most {largest}); --dtype {wider.TorchName} holds it"));
    }

    /// <summary>The fault of a float64 that does not fit float32.</summary>
    public static InvalidInputException Fault(string where, double value) =>
        new(string.Create(
            CultureInfo.InvariantCulture,
            $"{where} = {value} does not fit float32 (at most {float.MaxValue}), in which Bam computes; {CorrectOrCopy}"));
}
