using Bam.Torch;
using Bam.Torch.Kernels;

namespace Bam.Training.Optimization;

/// <summary>
/// AdamW on the processor, one pass over memory on all threads. The chunks are fixed and their sums are added in order, so that
/// the result depends on neither the number of threads nor on which thread took which chunk.
/// </summary>
internal sealed unsafe class CpuAdamW : AdamW
{
    // 256 KiB of each of the four buffers: large enough to hide the hand-over, small enough to share out evenly.
    private const long ChunkSize = 1 << 16;

    private readonly ParameterRange[] chunks;
    private readonly ParameterRange[] untrained;
    private readonly double[] sums;

    /// <summary>Allocates moments of zero.</summary>
    /// <param name="arena">Values and gradients, on the processor.</param>
    /// <param name="ranges">What is trained.</param>
    public CpuAdamW(ParameterArena arena, IReadOnlyList<ParameterRange> ranges)
        : base(arena, ranges)
    {
        chunks = [.. ranges.SelectMany(r => r.Chunks(ChunkSize))];
        untrained = [.. Gaps(ranges, arena.Count).SelectMany(r => r.Chunks(ChunkSize))];
        sums = new double[chunks.Length];
    }

    /// <inheritdoc/>
    public override double GradientNorm()
    {
        var gradients = (float*)Arena.Gradients.DataPointer;
        ParallelLoop.For(chunks.Length, i => sums[i] = AdamWKernel.SumOfSquares(new(gradients + chunks[i].Offset, (int)chunks[i].Count)));
        return Math.Sqrt(sums.Sum());
    }

    /// <inheritdoc/>
    public override void Update(in AdamWStep step)
    {
        var numbers = step;
        float* values = (float*)Arena.Values.DataPointer, gradients = (float*)Arena.Gradients.DataPointer;
        float* means = (float*)Means.DataPointer, squares = (float*)Squares.DataPointer;
        ParallelLoop.For(chunks.Length, i =>
        {
            var (offset, count, decays, moments) = chunks[i];
            var length = (int)count;
            AdamWKernel.Update(
                new(values + offset, length), new(gradients + offset, length),
                new(means + moments, length), new(squares + moments, length), numbers, decays);
        });
        foreach (var gap in untrained) new Span<float>(gradients + gap.Offset, (int)gap.Count).Clear();
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
