namespace Bam.Training.Optimization;

/// <summary>A stretch of the parameter arena that the optimizer treats alike.</summary>
/// <param name="Offset">The first element.</param>
/// <param name="Count">The elements.</param>
/// <param name="Decays">True: weight decay applies (matrices).</param>
public readonly record struct ParameterRange(long Offset, long Count, bool Decays)
{
    /// <summary>Sorts ranges and joins those that touch and are treated alike.</summary>
    public static IReadOnlyList<ParameterRange> Join(IEnumerable<ParameterRange> ranges)
    {
        var joined = new List<ParameterRange>();
        foreach (var range in ranges.OrderBy(r => r.Offset))
        {
            if (joined.Count > 0 && joined[^1] is var last && last.Offset + last.Count == range.Offset && last.Decays == range.Decays)
                joined[^1] = last with { Count = last.Count + range.Count };
            else
                joined.Add(range);
        }

        return joined;
    }

    /// <summary>The range in pieces of at most <paramref name="size"/> elements.</summary>
    public IEnumerable<ParameterRange> Chunks(long size)
    {
        for (var done = 0L; done < Count; done += size) yield return new(Offset + done, Math.Min(size, Count - done), Decays);
    }
}
