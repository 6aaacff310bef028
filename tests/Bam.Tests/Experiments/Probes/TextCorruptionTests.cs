using System.Text;
using Bam.Experiments.Probes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Probes;

public sealed class TextCorruptionTests
{
    [Fact]
    public void Any_text_stays_valid_and_keeps_its_length_in_bytes()
    {
        var random = new RandomStream(1, "texts");
        for (var i = 0; i < 500; i++)
        {
            // Unpaired surrogates do not reach a probe: its text was UTF-8.
            var text = string.Concat(Tokenization.RandomText.Next(ref random).EnumerateRunes());

            var corrupted = Corrupt(text, i % 10 / 10.0, $"{i}");

            new UnicodeEncoding(bigEndian: false, byteOrderMark: false, throwOnInvalidBytes: true).GetBytes(corrupted).Length
                .ShouldBe(corrupted.Length * 2);
            Encoding.UTF8.GetByteCount(corrupted).ShouldBe(Encoding.UTF8.GetByteCount(text));
        }
    }

    [Theory]
    [InlineData("a plain line of words\n")]
    [InlineData("Größe und Maß, déjà vu 漢字 😀\n")]
    public void Each_byte_is_hit_with_the_probability(string line)
    {
        var text = string.Concat(Enumerable.Repeat(line, 20_000));
        var corrupted = Encoding.UTF8.GetBytes(Corrupt(text, 0.05, "rate"));

        var hit = Encoding.UTF8.GetBytes(text).Zip(corrupted, (before, after) => before != after ? 1.0 : 0).Average();

        hit.ShouldBe(0.05, 0.002);
    }

    [Fact]
    public void What_replaces_is_printable_and_evenly_drawn()
    {
        var corrupted = Corrupt(new string('\n', 95 * 4000), 1, "even");

        var counts = corrupted.GroupBy(character => character).ToDictionary(group => group.Key, group => group.Count());
        counts.Keys.Order().ShouldBe(Enumerable.Range(' ', 95).Select(code => (char)code));
        counts.Values.ShouldAllBe(count => Math.Abs(count - 4000) < 6 * Math.Sqrt(4000));
    }

    [Fact]
    public void Nothing_is_replaced_by_itself()
    {
        var text = string.Concat(Enumerable.Repeat("every ~ byte", 1000));

        Corrupt(text, 1, "all").Zip(text).ShouldAllBe(pair => pair.First != pair.Second);
    }

    [Fact]
    public void The_same_numbers_give_the_same_text()
    {
        const string Text = "whereas the party shall appear before the court";

        Corrupt(Text, 0.3, "a").ShouldBe(Corrupt(Text, 0.3, "a"));
        Corrupt(Text, 0.3, "a").ShouldNotBe(Corrupt(Text, 0.3, "b"));
    }

    private static string Corrupt(string text, double probability, string name)
    {
        var random = new RandomStream(7, name);
        return TextCorruption.Apply(text, probability, ref random);
    }
}
