namespace Bam.Training.Optimization;

/// <summary>A stretch of the parameter arena that the optimizer treats alike.</summary>
/// <param name="Offset">The first element in the arena.</param>
/// <param name="Count">The elements.</param>
/// <param name="Decays">True: weight decay applies (matrices).</param>
/// <param name="MomentOffset">The first element in the moments, which hold trained parameters only.</param>
internal readonly record struct ParameterRange(long Offset, long Count, bool Decays, long MomentOffset = 0)
{
    /// <summary>Sorts ranges, joins those that touch and are treated alike, and lays their moments side by side.</summary>
    public static IReadOnlyList<ParameterRange> Join(IEnumerable<ParameterRange> ranges)
    {
        var joined = new List<ParameterRange>();
        var moments = 0L;
        foreach (var range in ranges.OrderBy(r => r.Offset))
        {
            if (joined.Count > 0 && joined[^1] is var last && last.Offset + last.Count == range.Offset && last.Decays == range.Decays)
                joined[^1] = last with { Count = last.Count + range.Count };
            else
                joined.Add(range with { MomentOffset = moments });
            moments += range.Count;
        }

        return joined;
    }

    /// <summary>The range in pieces of at most <paramref name="size"/> elements.</summary>
    public IEnumerable<ParameterRange> Chunks(long size)
    {
        for (var done = 0L; done < Count; done += size)
            yield return new(Offset + done, Math.Min(size, Count - done), Decays, MomentOffset + done);
    }
}
