using Bam.Tokenization.Pipeline;
using Bam.Tokenization.Unicode;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

public sealed class SplitterTests
{
    public static TheoryData<string> Patterns =>
        [Gpt2Splitter.Pattern, Llama3Splitter.PatternFor(3), Llama3Splitter.PatternFor(1)];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void The_splitter_by_hand_cuts_as_its_pattern_does(string pattern)
    {
        PieceSplitter byHand = pattern == Gpt2Splitter.Pattern ? new Gpt2Splitter()
            : new Llama3Splitter(pattern == Llama3Splitter.PatternFor(3) ? 3 : 1);
        var byPattern = new PatternSplitter(CodePointRegex.FromPattern(pattern), SplitBehavior.Isolated, invert: false);
        var random = new RandomStream(3, pattern);
        for (var i = 0; i < 3000; i++)
        {
            var text = RandomText.Next(ref random);
            Cut(byHand, text).ShouldBe(Cut(byPattern, text), text);
        }
    }

    [Theory]
    [InlineData("it's we'LL  go \n\nnow 1234", "it|'s| we|'|LL| | go| \n|\n|now| 1234")]
    [InlineData(
        " \U00020000\U00020001x \U0001D7D8\U0001D7D9 \U0001F600\U0001F600",
        " \U00020000\U00020001x| \U0001D7D8\U0001D7D9| \U0001F600\U0001F600")]
    [InlineData("a\u00A0b\u00A0 c  ", "a|\u00A0|b|\u00A0| c|  ")]
    [InlineData("'", "'")]
    public void Gpt2_words(string text, string pieces) => Cut(new Gpt2Splitter(), text).ShouldBe(pieces);

    [Theory]
    [InlineData("it's we'LL  go \n\nnow 12345", "it|'s| we|'LL| | go| \n\n|now| |123|45")]
    [InlineData("(x) \tif !=\r\n\n y", "(x|)| |\tif| !=\r\n\n| y")]
    [InlineData(
        "\U0001F600\U00020000 \U0001D7D8\U0001D7D9\U0001D7DA\U0001D7DB",
        "\U0001F600\U00020000| |\U0001D7D8\U0001D7D9\U0001D7DA|\U0001D7DB")]
    [InlineData("'\u017Fx", "'\u017F|x")]
    public void Llama3_words(string text, string pieces) => Cut(new Llama3Splitter(3), text).ShouldBe(pieces);

    [Theory]
    [InlineData(true, "x1½ \U0001D7D8\U0001D7D9y", "x|1|½| |\U0001D7D8|\U0001D7D9|y")]
    [InlineData(false, "12x1½ \U0001D7D8\U0001D7D9", "12|x|1½| |\U0001D7D8\U0001D7D9")]
    public void Digits_are_set_apart(bool individual, string text, string pieces) =>
        Cut(new Digits(individual), text).ShouldBe(pieces);

    [Theory]
    [InlineData("Isolated", false, "The|-|final|-|-|countdown")]
    [InlineData("Removed", false, "The|final|countdown")]
    [InlineData("Contiguous", false, "The|-|final|--|countdown")]
    [InlineData("MergedWithPrevious", false, "The-|final-|-|countdown")]
    [InlineData("MergedWithNext", false, "The|-final|-|-countdown")]
    [InlineData("Removed", true, "-|-|-")]
    [InlineData("MergedWithPrevious", true, "The|-final|-|-countdown")]
    public void A_split_does_with_its_matches_what_it_is_told(string behavior, bool invert, string pieces)
    {
        foreach (var pattern in new[] { CodePointRegex.FromLiteral("-"), CodePointRegex.FromPattern("-") })
        {
            var splitter = new PatternSplitter(pattern, Enum.Parse<SplitBehavior>(behavior), invert);
            Cut(splitter, "The-final--countdown").ShouldBe(pieces);
        }
    }

    [Fact]
    public void A_prefix_space_goes_before_every_piece_that_has_none()
    {
        Cut(new ByteLevel(addPrefixSpace: true, useRegex: true), "a b").ShouldBe(" a| b");
        Cut(new ByteLevel(addPrefixSpace: true, useRegex: true), " a").ShouldBe(" a");
        Cut(new ByteLevel(addPrefixSpace: true, useRegex: false), "").ShouldBe("");
        var digitsFirst = new PreTokenizerSequence([new Digits(individualDigits: true), new ByteLevel(true, false)]);
        Cut(digitsFirst, "a12 b").ShouldBe(" a| 1| 2| b");
    }

    private static string Cut(PreTokenizer preTokenizer, string text)
    {
        var state = new PreTokenization(text, new PieceList(), new PieceList());
        preTokenizer.Apply(ref state);
        var pieces = new List<string>();
        foreach (var piece in state.Pieces.Items) pieces.Add(state.Text.Slice(piece.Start, piece.Length).ToString());
        return string.Join('|', pieces);
    }
}
