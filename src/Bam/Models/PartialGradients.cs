using Bam.Torch;

namespace Bam.Models;

/// <summary>
/// Adds up the gradients of which each rank of an expert group has a part (<see cref="ExpertParallelism.IsPartial"/>).
/// </summary>
internal static class PartialGradients
{
    // Shorter ranges travel together: each operation costs a round trip.
    private const long LongRange = 1 << 18;

    /// <summary>The ranges of the arena, in its order; neighbours are one range.</summary>
    public static IReadOnlyList<(long Offset, long Count)> RangesOf(LanguageModel model)
    {
        var ranges = new List<(long Offset, long Count)>();
        var slices = model.Slices.Where(slice => model.Experts.IsPartial(slice.Parameter));
        foreach (var slice in slices.OrderBy(slice => slice.Offset))
        {
            if (ranges.Count > 0 && ranges[^1] is var (offset, count) && offset + count == slice.Offset)
                ranges[^1] = (offset, count + slice.Count);
            else ranges.Add((slice.Offset, slice.Count));
        }

        return ranges;
    }

    /// <summary>Every rank's gradients of these parameters become their sum.</summary>
    public static void Sum(LanguageModel model)
    {
        if (model.Experts.Size == 1) return;
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var group = model.Experts.Group;
        var parts = RangesOf(model).Select(range => model.Parameters.Gradients.Narrow(0, range.Offset, range.Count)).ToArray();
        foreach (var part in parts.Where(part => part.Count >= LongRange)) group.AllReduce(part);
        var small = Array.FindAll(parts, part => part.Count < LongRange);
        if (small.Length == 0) return;
        var together = Tensor.Cat(small);
        group.AllReduce(together);
        var sums = together.Split([.. small.Select(part => part.Count)]);
        foreach (var (part, sum) in small.Zip(sums)) part.Copy_(sum);
    }
}
