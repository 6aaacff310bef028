using Bam.Experiments.Probes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Probes;

public sealed class MixedDocumentsTests
{
    [Fact]
    public void Pieces_of_a_text_are_the_text()
    {
        var random = new RandomStream(1, "texts");
        for (var i = 0; i < 500; i++)
        {
            var text = string.Concat(Tokenization.RandomText.Next(ref random).EnumerateRunes());

            var pieces = MixedDocuments.Cut(text, 16).ToList();

            string.Concat(pieces).ShouldBe(text);
            pieces.ShouldAllBe(piece => piece.Length > 0 && !char.IsLowSurrogate(piece[0]));
            foreach (var piece in pieces.SkipLast(1)) piece.Length.ShouldBeInRange(8, 25);
        }
    }

    [Theory]
    [InlineData("first line\nsecond longer line\nthird\n", "first line\n|second longer line\n|third\n")]
    [InlineData("words and more words without a line", "words and more |words without a line")]
    [InlineData("0123456789abcdefghijklmnopqrstuv", "0123456789abcdef|ghijklmnopqrstuv")]
    [InlineData("short", "short")]
    public void Cuts_are_behind_lines_then_words(string text, string pieces) =>
        string.Join('|', MixedDocuments.Cut(text, 16)).ShouldBe(pieces);

    [Fact]
    public void Every_document_holds_all_domains_and_nothing_is_lost()
    {
        var mixed = Make("letters", 50, 60, 55);

        mixed.Count.ShouldBe((165 + 9) / 10);
        // The last ones hold what is left over.
        foreach (var document in mixed.SkipLast(3)) document.Select(Domain).Distinct().Count(domain => domain >= 0).ShouldBe(3);
        var all = string.Concat(mixed);
        for (var domain = 0; domain < 3; domain++)
        {
            var text = string.Concat(Documents(domain, 50 + (domain == 0 ? 0 : domain == 1 ? 10 : 5)));
            new string([.. all.Where(character => Domain(character) == domain)])
                .ShouldBe(text.Replace("\n", "", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_domain_changes_with_every_piece_while_there_is_another()
    {
        var lines = string.Concat(Make("turns", 40, 40, 40)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => Domain(line[0])).ToList();

        lines.Count.ShouldBe(120);
        lines.Take(110).Zip(lines.Skip(1)).ShouldAllBe(pair => pair.First != pair.Second);
    }

    [Fact]
    public void The_same_numbers_give_the_same_documents()
    {
        Make("a", 10, 10, 10).ShouldBe(Make("a", 10, 10, 10));
        Make("a", 10, 10, 10).ShouldNotBe(Make("b", 10, 10, 10));
    }

    private static IReadOnlyList<string> Make(string name, params int[] pieces) =>
        MixedDocuments.Make(pieces.Select((count, domain) => Documents(domain, count)), 20, new RandomStream(3, name));

    /// <summary>Documents of one domain, each a piece: 19 letters of the domain and, in every second one, a newline.</summary>
    private static IEnumerable<string> Documents(int domain, int count) =>
        Enumerable.Range(0, count).Select(i => new string((char)('a' + (domain * 8) + (i % 8)), 19) + (i % 2 == 0 ? "\n" : ""));

    private static int Domain(char character) => character == '\n' ? -1 : (character - 'a') / 8;
}
