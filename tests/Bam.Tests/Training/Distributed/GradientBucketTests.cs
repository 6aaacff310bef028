using Bam.Models;
using Bam.Tests.Models;
using Bam.Torch;
using Bam.Training.Distributed;
using Bam.Training.Optimization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Distributed;

/// <summary>The buckets cover what is trained once, from the arena's end, and never come before their gradients.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class GradientBucketTests
{
    [Theory]
    [InlineData(1, 700, false)]
    [InlineData(1, 1 << 20, false)]
    [InlineData(1, 700, true)]
    [InlineData(3, 700, false)]
    [InlineData(3, 700, true)]
    public void Each_trained_gradient_is_in_one_bucket_in_backwards_order(int shards, long size, bool freezes)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam with { VocabSize = 5_000 });
        var trained = model.Slices.Select(slice => slice.Parameter.Name)
            .Where(name => !freezes || !name.Contains("router", StringComparison.Ordinal)).ToHashSet();
        using var optimizer = AdamW.For(model, trained, shards);
        var buckets = GradientBucket.Of(model, optimizer.Shards, size);

        var ofElement = new int[model.Parameters.Count];
        Array.Fill(ofElement, -1);
        for (var i = 0; i < buckets.Count; i++)
        {
            buckets[i].Count.ShouldBeInRange(1, size);
            var elements = ofElement.AsSpan((int)buckets[i].Offset, (int)buckets[i].Count);
            elements.ContainsAnyExcept(-1).ShouldBeFalse("an element is in two buckets");
            elements.Fill(i);
            if (i == 0) continue;
            buckets[i].Layer.ShouldBeLessThanOrEqualTo(buckets[i - 1].Layer);
            buckets[i].Shard.ShouldBeLessThanOrEqualTo(buckets[i - 1].Shard);
        }

        foreach (var slice in model.Slices)
        {
            var layer = BackwardProgress.LayerOf(slice.Parameter, model.Config);
            var found = ofElement.AsSpan((int)slice.Offset, (int)slice.Count).ToArray().Distinct().ToArray();
            if (!trained.Contains(slice.Parameter.Name)) found.ShouldBe([-1]);
            else found.ShouldAllBe(bucket => bucket >= 0 && buckets[bucket].Layer <= layer);
        }
    }
}
