using Bam.Data.Building;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Building;

public class ShinglesTests
{
    [Fact]
    public void There_is_one_for_each_stretch_of_50_characters()
    {
        var text = RandomText.Words(200, "a").Replace(' ', '_');
        var hashes = All(text);

        hashes.Distinct().Count().ShouldBe(151);
        hashes.ShouldBe(Enumerable.Range(0, 151).Select(start => All(text.Substring(start, 50)).Single()));
    }

    [Fact]
    public void White_space_is_one_space_and_none_at_the_ends() =>
        All(
            " \n one  two\r\n\tthree " + RandomText.Words(60, "a")
                + "\n").ShouldBe(All("one two three " + RandomText.Words(60, "a")));

    [Fact]
    public void Case_counts() => All(new string('a', 60)).ShouldNotContain(All(new string('A', 60))[0]);

    [Fact]
    public void A_short_text_is_one() => All("ab").ShouldHaveSingleItem().ShouldNotBe(All("ba").ShouldHaveSingleItem());

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    public void Nothing_has_none(string text) => All(text).ShouldBeEmpty();

    [Fact]
    public void Distinct_ones_are_counted_of_short_and_of_long_texts()
    {
        var periodic = string.Concat(Enumerable.Repeat("0123456789", 20));
        var words = RandomText.Words(300_000, "word");
        var counter = new DistinctShingles();
        foreach (var text in new[] { periodic, words + words, periodic + words, "", "ab" })
            counter.Count(text).ShouldBe(All(text).Distinct().Count());
        counter.Count(periodic).ShouldBe(10);
    }

    private static List<ulong> All(string text) => Shingles.All(text);
}
