using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Bam.Torch;
using Bam.Torch.Kernels;

namespace Bam.Training.Optimization;

/// <summary>
/// AdamW on the processor, one pass over memory on all threads. The chunks are fixed and their sums are added in order, so that
/// the result depends on neither the number of threads nor on which thread took which chunk.
/// </summary>
internal sealed unsafe class CpuAdamW : AdamW
{
    private readonly IReadOnlyList<ParameterRange> chunks;
    private readonly ParameterRange[] untouched;
    private readonly double[] sums;
    private readonly long firstMoment;

    /// <summary>Allocates moments of zero.</summary>
    public CpuAdamW(ParameterArena arena, IReadOnlyList<ParameterRange> ranges, int shards = 1, int shard = 0)
        : base(arena, ranges, shards, shard)
    {
        chunks = Owned;
        untouched = [.. Gaps(chunks, arena.Count).SelectMany(r => r.Chunks(MomentShards.ChunkSize))];
        sums = new double[chunks.Count];
        firstMoment = Shards.FirstMomentOf(shard);
    }

    public override SquaredNorm GradientSquares()
    {
        var gradients = (float*)Arena.Gradients.DataPointer;
        ParallelLoop.For(
            chunks.Count, i => sums[i] = AdamWKernel.SumOfSquares(new(gradients + chunks[i].Offset, (int)chunks[i].Count)));
        var (replicated, local) = (0.0, 0.0);
        for (var i = 0; i < sums.Length; i++)
        {
            if (chunks[i].IsLocal) local += sums[i];
            else replicated += sums[i];
        }

        return new(replicated, local);
    }

    public override void Update(in AdamWStep step)
    {
        var numbers = step;
        float* values = (float*)Arena.Values.DataPointer, gradients = (float*)Arena.Gradients.DataPointer;
        float* means = (float*)Means.DataPointer, squares = (float*)Squares.DataPointer;
        ParallelLoop.For(chunks.Count, i =>
        {
            var (offset, count, decays, moment) = chunks[i];
            var (length, moments) = ((int)count, moment - firstMoment);
            AdamWKernel.Update(
                new(values + offset, length), new(gradients + offset, length),
                new(means + moments, length), new(squares + moments, length), numbers, decays);
        });
        foreach (var gap in untouched) new Span<float>(gradients + gap.Offset, (int)gap.Count).Clear();
    }

    private static IEnumerable<ParameterRange> Gaps(IReadOnlyList<ParameterRange> ranges, long count)
    {
        var end = 0L;
        foreach (var range in ranges)
        {
            if (range.Offset > end) yield return new(end, range.Offset - end, Decays: false);
            end = range.Offset + range.Count;
        }

        if (count > end) yield return new(end, count - end, Decays: false);
    }
}

/// <summary>
/// AdamW and the squared gradient norm over spans, in one pass each. The vectors and the scalar rest round alike (both fuse the
/// same multiplications and additions), so that the result does not depend on where a span is cut.
/// </summary>
internal static class AdamWKernel
{
    /// <summary>Updates values and moments, and leaves the gradients zero for the next step. All spans have one length.</summary>
    public static void Update(
        Span<float> values, Span<float> gradients, Span<float> means, Span<float> squares, in AdamWStep step, bool decays)
    {
        var (scale, epsilon) = ((float)step.GradientScale, (float)step.Epsilon);
        var (beta1, beta1Rest) = ((float)step.Beta1, (float)(1 - step.Beta1));
        var (beta2, beta2Rest) = ((float)step.Beta2, (float)(1 - step.Beta2));
        var (stepSize, rootScale) = ((float)-step.StepSize, (float)step.RootScale);
        var decay = decays ? (float)-step.Decay : 0f;

        var v = MemoryMarshal.Cast<float, Vector256<float>>(values);
        var g = MemoryMarshal.Cast<float, Vector256<float>>(gradients);
        var m = MemoryMarshal.Cast<float, Vector256<float>>(means);
        var s = MemoryMarshal.Cast<float, Vector256<float>>(squares);
        for (var i = 0; i < v.Length; i++)
        {
            var gradient = g[i] * Vector256.Create(scale);
            var mean = Vector256.FusedMultiplyAdd(Vector256.Create(beta1), m[i], Vector256.Create(beta1Rest) * gradient);
            var square = Vector256.FusedMultiplyAdd(
                Vector256.Create(beta2), s[i], Vector256.Create(beta2Rest) * (gradient * gradient));
            var divisor = Vector256.FusedMultiplyAdd(
                Vector256.Sqrt(square), Vector256.Create(rootScale), Vector256.Create(epsilon));
            var decayed = Vector256.FusedMultiplyAdd(Vector256.Create(decay), v[i], v[i]);
            v[i] = Vector256.FusedMultiplyAdd(Vector256.Create(stepSize), mean / divisor, decayed);
            m[i] = mean;
            s[i] = square;
            g[i] = Vector256<float>.Zero;
        }

        for (var i = v.Length * Vector256<float>.Count; i < values.Length; i++)
        {
            var gradient = gradients[i] * scale;
            var mean = MathF.FusedMultiplyAdd(beta1, means[i], beta1Rest * gradient);
            var square = MathF.FusedMultiplyAdd(beta2, squares[i], beta2Rest * (gradient * gradient));
            var divisor = MathF.FusedMultiplyAdd(MathF.Sqrt(square), rootScale, epsilon);
            var decayed = MathF.FusedMultiplyAdd(decay, values[i], values[i]);
            values[i] = MathF.FusedMultiplyAdd(stepSize, mean / divisor, decayed);
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
