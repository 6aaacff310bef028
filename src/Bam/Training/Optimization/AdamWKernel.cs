using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Bam.Training.Optimization;

/// <summary>
/// AdamW and the squared gradient norm over spans, in one pass each. The vectors and the scalar rest round alike (both fuse the
/// same multiplications and additions), so that the result does not depend on where a span is cut.
/// </summary>
public static class AdamWKernel
{
    /// <summary>Updates values and moments, and leaves the gradients zero for the next step. All spans have one length.</summary>
    public static void Update(Span<float> values, Span<float> gradients, Span<float> means, Span<float> squares, in AdamWStep step, bool decays)
    {
        var decay = decays ? step.Decay : 0f;
        var width = Vector256<float>.Count;
        var v = MemoryMarshal.Cast<float, Vector256<float>>(values);
        var g = MemoryMarshal.Cast<float, Vector256<float>>(gradients);
        var m = MemoryMarshal.Cast<float, Vector256<float>>(means);
        var s = MemoryMarshal.Cast<float, Vector256<float>>(squares);
        var scale = Vector256.Create(step.GradientScale);
        var (beta1, beta1Rest) = (Vector256.Create(step.Beta1), Vector256.Create(step.Beta1Rest));
        var (beta2, beta2Rest) = (Vector256.Create(step.Beta2), Vector256.Create(step.Beta2Rest));
        var (epsilon, secondScale) = (Vector256.Create(step.Epsilon), Vector256.Create(step.SecondMomentScale));
        var (negativeStep, negativeDecay) = (Vector256.Create(-step.StepSize), Vector256.Create(-decay));
        for (var i = 0; i < v.Length; i++)
        {
            var gradient = g[i] * scale;
            var mean = Vector256.FusedMultiplyAdd(beta1, m[i], beta1Rest * gradient);
            var square = Vector256.FusedMultiplyAdd(beta2, s[i], beta2Rest * (gradient * gradient));
            var divisor = Vector256.FusedMultiplyAdd(Vector256.Sqrt(square), secondScale, epsilon);
            v[i] = Vector256.FusedMultiplyAdd(negativeStep, mean / divisor, Vector256.FusedMultiplyAdd(negativeDecay, v[i], v[i]));
            m[i] = mean;
            s[i] = square;
            g[i] = Vector256<float>.Zero;
        }

        for (var i = v.Length * width; i < values.Length; i++)
        {
            var gradient = gradients[i] * step.GradientScale;
            var mean = MathF.FusedMultiplyAdd(step.Beta1, means[i], step.Beta1Rest * gradient);
            var square = MathF.FusedMultiplyAdd(step.Beta2, squares[i], step.Beta2Rest * (gradient * gradient));
            var divisor = MathF.FusedMultiplyAdd(MathF.Sqrt(square), step.SecondMomentScale, step.Epsilon);
            values[i] = MathF.FusedMultiplyAdd(-step.StepSize, mean / divisor, MathF.FusedMultiplyAdd(-decay, values[i], values[i]));
            means[i] = mean;
            squares[i] = square;
            gradients[i] = 0;
        }
    }

    /// <summary>Σ g², summed in double in an order that the span's length alone determines.</summary>
    public static double SumOfSquares(ReadOnlySpan<float> gradients)
    {
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(gradients);
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        foreach (var vector in vectors)
        {
            var (lower, upper) = Vector256.Widen(vector);
            low = Vector256.FusedMultiplyAdd(lower, lower, low);
            high = Vector256.FusedMultiplyAdd(upper, upper, high);
        }

        var sum = Vector256.Sum(low + high);
        foreach (var value in gradients[(vectors.Length * Vector256<float>.Count)..]) sum += (double)value * value;
        return sum;
    }
}
