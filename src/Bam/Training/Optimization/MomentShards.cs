namespace Bam.Training.Optimization;

/// <summary>
/// The trained parameters, divided into contiguous parts of about equal size: with several, each belongs to one data-parallel
/// process, which alone has its moments (ZeRO, stage 1).
/// </summary>
internal sealed class MomentShards
{
    /// <summary>
    /// 256 KiB of each of the four buffers: large enough to hide the hand-over to a thread, small enough to share out evenly.
    /// </summary>
    public const long ChunkSize = 1 << 16;

    private readonly ParameterRange[] chunks;
    private readonly int[] starts;
    private readonly long total;

    /// <summary>Cuts at the chunks' borders.</summary>
    /// <param name="ranges">As <see cref="ParameterRange.Join"/> gives them.</param>
    /// <param name="count">The parts; some are empty if there are fewer chunks.</param>
    public MomentShards(IReadOnlyList<ParameterRange> ranges, int count)
    {
        chunks = [.. ranges.SelectMany(r => r.Chunks(ChunkSize))];
        total = ranges.Sum(r => r.Count);
        starts = [.. Enumerable.Range(0, count + 1).Select(shard => FirstChunkFrom((long)((Int128)total * shard / count)))];
    }

    /// <summary>The parts.</summary>
    public int Count => starts.Length - 1;

    /// <summary>A part's pieces of at most <see cref="ChunkSize"/>, in the arena's order.</summary>
    public IReadOnlyList<ParameterRange> ChunksOf(int shard) => chunks[starts[shard]..starts[shard + 1]];

    /// <summary>Where a part begins among the moments of all parameters.</summary>
    public long FirstMomentOf(int shard) => starts[shard] < chunks.Length ? chunks[starts[shard]].MomentOffset : total;

    /// <summary>The parameters of a part.</summary>
    public long CountOf(int shard) => FirstMomentOf(shard + 1) - FirstMomentOf(shard);

    /// <summary>The parts of a stretch of the moments, in order.</summary>
    /// <returns>For each part that has some of it: the first moment among all, and how many.</returns>
    public IEnumerable<(int Shard, long Start, long Count)> Split(long start, long count)
    {
        for (var shard = 0; shard < Count; shard++)
        {
            var from = Math.Max(start, FirstMomentOf(shard));
            var to = Math.Min(start + count, FirstMomentOf(shard + 1));
            if (from < to) yield return (shard, from, to - from);
        }
    }

    private int FirstChunkFrom(long moment)
    {
        var found = Array.FindIndex(chunks, chunk => chunk.MomentOffset >= moment);
        return found < 0 ? chunks.Length : found;
    }
}
