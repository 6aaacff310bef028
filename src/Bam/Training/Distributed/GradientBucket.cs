using Bam.Models;
using Bam.Training.Optimization;

namespace Bam.Training.Distributed;

/// <summary>A part of the trained parameters' gradients that is reduced in one operation.</summary>
/// <param name="Offset">The first element in the arena.</param>
/// <param name="Count">The elements.</param>
/// <param name="Shard">The shard of the moments that it belongs to.</param>
/// <param name="Layer">The layer with which all of it is complete, see <see cref="BackwardProgress.LayerOf"/>.</param>
internal readonly record struct GradientBucket(long Offset, long Count, int Shard, int Layer)
{
    /// <summary>Elements that fill a network, and few enough for backward to go on meanwhile: 4 MiB.</summary>
    public const long DefaultSize = 1 << 20;

    /// <summary>The buckets of a model, in the order in which backward completes them: from the arena's end.</summary>
    /// <param name="model">Its arena holds the gradients.</param>
    /// <param name="shards">Divide the trained parameters; a bucket lies in one of them.</param>
    /// <param name="size">The elements of a bucket; fewer where no trained neighbour is left.</param>
    public static IReadOnlyList<GradientBucket> Of(LanguageModel model, MomentShards shards, long size)
    {
        var buckets = new List<GradientBucket>();
        for (var shard = shards.Count - 1; shard >= 0; shard--)
        {
            // What is decayed and what is local does not matter here.
            var chunks = shards.ChunksOf(shard).Select(chunk => new ParameterRange(chunk.Offset, chunk.Count, false));
            foreach (var range in ParameterRange.Join(chunks).Reverse())
            {
                for (var end = range.Offset + range.Count; end > range.Offset; end -= size)
                {
                    var start = Math.Max(range.Offset, end - size);
                    buckets.Add(new(start, end - start, shard, LayerOf(model, start, end)));
                }
            }
        }

        return buckets;
    }

    private static int LayerOf(LanguageModel model, long start, long end) =>
        model.Slices.Where(slice => slice.Offset < end && start < slice.Offset + slice.Count)
            .Min(slice => BackwardProgress.LayerOf(slice.Parameter, model.Config));
}
