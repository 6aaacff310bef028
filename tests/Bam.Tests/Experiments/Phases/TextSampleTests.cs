using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

public class TextSampleTests
{
    private static readonly string Text = string.Concat(Enumerable.Range(0, 200_000).Select(i => $"{i}\n"));

    [Fact]
    public void About_the_asked_part_is_taken_in_whole_lines()
    {
        var pieces = Sample(Text, 0.25);

        ((double)pieces.Sum(piece => piece.Length) / Text.Length).ShouldBe(0.25, 0.05);
        pieces.ShouldAllBe(piece => piece.EndsWith('\n') && char.IsAsciiDigit(piece[0]));
    }

    [Fact]
    public void The_pieces_are_the_text() => string.Concat(Sample(Text, 0.999_999)).ShouldBe(Text);

    [Fact]
    public void A_short_text_is_taken_whole() => Sample("a text", 1.5).ShouldBe(["a text"]);

    [Fact]
    public void A_line_longer_than_a_piece_is_cut_between_characters()
    {
        var text = string.Concat(Enumerable.Repeat("a😀", 3000));

        string.Concat(Sample(text, 0.999_999)).ShouldBe(text);
        Sample(text, 0.999_999).ShouldNotContain(piece => char.IsHighSurrogate(piece.Last()));
    }

    private static List<string> Sample(string text, double fraction) =>
        [.. TextSample.Of([text], fraction, new RandomStream(1, "test"))];
}
