using Bam.Data.Building;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Building;

public class HeldOutShinglesTests
{
    [Fact]
    public void The_held_out_text_that_shares_most_is_found()
    {
        var random = new RandomStream(1, "texts");
        var parts = Enumerable.Range(0, 12).Select(part => RandomText.Words(120, $"part{part}")).ToArray();
        var heldOut = Enumerable.Range(0, 8).Select(_ => Text(ref random, parts)).ToArray();
        var index = new HeldOutShingles(
            heldOut.Select((text, number) => (10 * number, Shingles.All(text))), heldOut.Sum(text => text.Length));
        var found = 0;
        for (var i = 0; i < 200; i++)
        {
            var text = Text(ref random, parts) + RandomText.Words((int)random.NextInt64(400) + 1, $"own{i}");
            var expected = ByDefinition(text, heldOut, above: 0.3);
            index.FindLargestShare(text, above: 0.3).ShouldBe(expected);
            if (expected is not null) found++;
        }

        found.ShouldBeInRange(20, 180);
    }

    // Parts that occur in several texts, and in one text twice.
    private static string Text(ref RandomStream random, string[] parts)
    {
        var text = "";
        for (var i = 0; i < 3; i++) text += parts[(int)random.NextInt64(parts.Length)];
        return text;
    }

    private static (int Document, double Share)? ByDefinition(string text, string[] heldOut, double above)
    {
        var shingles = Shingles.All(text).ToHashSet();
        var shared = heldOut.Select(other => Shingles.All(other).Distinct().Count(shingles.Contains)).ToList();
        var share = (double)shared.Max() / shingles.Count;
        return share > above ? (10 * shared.IndexOf(shared.Max()), share) : null;
    }
}
