using Bam.Data.Building;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Building;

public class NearDuplicateIndexTests
{
    [Fact]
    public void The_earliest_similar_one_that_shares_a_band_is_found()
    {
        var random = new RandomStream(1, "sketches");
        using var directory = new TemporaryDirectory();
        using var index = new NearDuplicateIndex(0.5, directory["sketches"]);
        var kept = new List<uint[]>();
        var found = 0;
        for (var i = 0; i < 2000; i++)
        {
            var sketch = Sketch(ref random, kept);
            var expected = ByDefinition(sketch, kept);
            index.FindOrAdd(sketch).ShouldBe(expected);
            if (expected is null) kept.Add(sketch);
            else found++;
        }

        found.ShouldBeInRange(100, 1900);
    }

    [Fact]
    public void Similarity_is_the_share_of_equal_numbers()
    {
        var a = Enumerable.Range(0, MinHash.Size).Select(i => uint.MaxValue - (uint)i).ToArray();
        for (var equal = 0; equal <= MinHash.Size; equal++)
            MinHash.Similarity(a, [.. a[..equal], .. a[equal..].Select(number => number ^ 1)])
                .ShouldBe((double)equal / MinHash.Size);
    }

    // One shingle each. The first two hashes agree in the half that decides within a bin; the others differ by a number whose
    // product with a constant is small.
    [Theory]
    [InlineData("82902", "18442")]
    [InlineData("94916", "63514")]
    [InlineData("161800", "28956")]
    public void Short_texts_are_no_duplicates_by_chance(string text, string other)
    {
        MinHash.Similarity(MinHash.Sketch(text), MinHash.Sketch(text)).ShouldBe(1);
        MinHash.Similarity(MinHash.Sketch(text), MinHash.Sketch(other)).ShouldBeLessThan(0.1);
    }

    // A new sketch, or an earlier one with some entries replaced by few values, so that bands also collide by chance; some
    // values have the same lowest byte.
    private static uint[] Sketch(ref RandomStream random, List<uint[]> kept)
    {
        var isNew = kept.Count == 0 || random.NextInt64(4) == 0;
        var sketch = isNew ? new uint[MinHash.Size] : kept[(int)random.NextInt64(kept.Count)].ToArray();
        var percent = isNew ? 100 : random.NextInt64(100);
        for (var i = 0; i < sketch.Length; i++)
        {
            if (random.NextInt64(100) < percent) sketch[i] = (uint)random.NextInt64(6) << 6;
        }

        return sketch;
    }

    private static (int Representative, double Similarity)? ByDefinition(uint[] sketch, List<uint[]> kept)
    {
        for (var i = 0; i < kept.Count; i++)
        {
            var other = kept[i];
            var sharesBand = Enumerable.Range(0, MinHash.Size / 3)
                .Any(band => Enumerable.Range(3 * band, 3).All(j => sketch[j] == other[j]));
            var similarity = (double)sketch.Zip(other, (a, b) => a == b ? 1 : 0).Sum() / MinHash.Size;
            if (sharesBand && similarity >= 0.5) return (i, similarity);
        }

        return null;
    }
}
