using Bam.Training.Optimization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Optimization;

public sealed class MomentShardsTests
{
    private const long Chunk = MomentShards.ChunkSize;

    // 5 chunks and a small one, with a gap in the arena.
    private static readonly IReadOnlyList<ParameterRange> Ranges =
        ParameterRange.Join([new(0, 3 * Chunk, true), new(4 * Chunk, 2 * Chunk, true), new(6 * Chunk, 10, false)]);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(9)]
    public void Shards_hold_everything_once_in_order(int count)
    {
        var shards = new MomentShards(Ranges, count);
        var all = Enumerable.Range(0, count).SelectMany(shards.ChunksOf).ToArray();
        all.ShouldBe(new MomentShards(Ranges, 1).ChunksOf(0));
        Enumerable.Range(0, count).Sum(shards.CountOf).ShouldBe(5 * Chunk + 10);
        for (var shard = 0; shard < count; shard++) shards.ChunksOf(shard).Sum(c => c.Count).ShouldBe(shards.CountOf(shard));
    }

    [Fact]
    public void Shards_are_about_equal()
    {
        var shards = new MomentShards(Ranges, 2);
        shards.CountOf(0).ShouldBe(3 * Chunk);
        shards.CountOf(1).ShouldBe(2 * Chunk + 10);
        shards.ChunksOf(1)[0].Offset.ShouldBe(4 * Chunk);
    }

    [Fact]
    public void A_stretch_is_split_at_the_shards_borders()
    {
        var shards = new MomentShards(Ranges, 2);
        shards.Split(Chunk, 3 * Chunk).ShouldBe([(0, Chunk, 2 * Chunk), (1, 3 * Chunk, Chunk)]);
        shards.Split(0, 5).ShouldBe([(0, 0, 5)]);
        new MomentShards(Ranges, 9).Split(0, 5 * Chunk + 10).Sum(part => part.Count).ShouldBe(5 * Chunk + 10);
    }
}
