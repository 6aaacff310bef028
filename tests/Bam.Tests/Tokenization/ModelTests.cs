using System.Text.Json.Nodes;
using Bam.Tokenization.Models;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

public sealed class ModelTests
{
    [Fact]
    public void Merging_equals_the_definition_for_short_and_long_words()
    {
        var random = new RandomStream(5, "merges");
        for (var round = 0; round < 60; round++)
        {
            // Letters 0 … 3; each merge joins two existing tokens, so that merges compete and build on each other.
            var merges = new List<Merge>();
            for (var i = 0; i < 30; i++) merges.Add(new Merge(Token(ref random, i), Token(ref random, i), 4 + i));
            merges = [.. merges.DistinctBy(m => (m.First, m.Second))];
            var list = new MergeList([.. merges]);
            foreach (var length in new[] { 0, 1, 2, 7, 96, 97, 400 })
            {
                var word = Enumerable.Range(0, length).Select(_ => (int)random.NextInt64(4)).ToArray();
                var expected = ByDefinition(word, merges);
                var symbols = word.ToArray();
                var count = list.Apply(symbols, new int[length]);
                symbols[..count].ShouldBe(expected);
            }
        }

        static int Token(ref RandomStream random, int merge) => (int)random.NextInt64(Math.Min(4 + merge, 12));
    }

    [Fact]
    public void A_table_of_words_fills_up_to_its_limit_and_then_says_what_helps()
    {
        var words = new SpanTable(maxLetters: 5000);
        for (var i = 0; i < 1000; i++) words.FindOrAdd($"{i:00000}");
        words.FindOrAdd("00999").ShouldBe(999);
        Should.Throw<InvalidInputException>(() => words.FindOrAdd("x"))
            .Message.ShouldBe(
                "the tokenizer's corpus: expected at most 5,000 characters of distinct words, found more; train on a sample");
    }

    [Fact]
    public void A_pair_table_keeps_every_pair_while_it_grows()
    {
        var table = new PairTable(1);
        for (var i = 0; i < 5000; i++) table[i % 71, i * 31] = i;
        table.Count.ShouldBe(5000);
        for (var i = 0; i < 5000; i++) table[i % 71, i * 31].ShouldBe(i);
        table[1, 1].ShouldBe(-1);
        table[0, 0] = 9;
        table[0, 0].ShouldBe(9);
        table.Count.ShouldBe(5000);
    }

    [Fact]
    public void A_span_table_numbers_words_as_they_come()
    {
        var table = new SpanTable();
        for (var i = 0; i < 3000; i++) table.FindOrAdd($"word {i}").ShouldBe(i);
        for (var i = 0; i < 3000; i++) table.FindOrAdd($"word {i}").ShouldBe(i);
        table[17].ToString().ShouldBe("word 17");
        table.FindOrAdd("").ShouldBe(3000);
        table.Clear();
        table.Find("word 17", out _).ShouldBe(-1);
        table.FindOrAdd("word 17").ShouldBe(0);
    }

    [Fact]
    public void With_ignore_merges_a_word_of_the_vocabulary_is_one_token()
    {
        var tokenizer = TinyTokenizer.With(json =>
        {
            json["model"]!["vocab"]!["Ġword"] = 259;
            json["model"]!["ignore_merges"] = true;
        });
        tokenizer.Tokens("a word words the").ShouldBe("a|Ġword|Ġ|w|o|r|d|s|Ġthe");
    }

    [Theory]
    [InlineData(false, "a|<?>|<?>|b|<?>")]
    [InlineData(true, "a|<?>|b|<?>")]
    public void Bytes_without_a_token_become_the_unknown_token(bool fuse, string tokens)
    {
        var tokenizer = TinyTokenizer.With(json =>
        {
            var model = json["model"]!.AsObject();
            foreach (var letter in new[] { "z", "q" }) model["vocab"]!.AsObject().Remove(letter);
            model["vocab"]!["<?>"] = 259;
            model["unk_token"] = "<?>";
            model["fuse_unk"] = fuse;
        });
        tokenizer.Tokens("aqzbz").ShouldBe(tokens);
    }

    [Fact]
    public void Merges_in_the_older_spelling_are_the_same_tokenizer()
    {
        var pairs = TinyTokenizer.With(_ => { });
        var strings = TinyTokenizer.With(json => json["model"]!["merges"] = new JsonArray("t h", "th e", "Ġ the"));
        strings.Tokens("the theta").ShouldBe("the|Ġthe|t|a");
        strings.Fingerprint.ShouldBe(pairs.Fingerprint);
    }

    private static int[] ByDefinition(int[] word, List<Merge> merges)
    {
        var symbols = word.ToList();
        while (true)
        {
            // The lowest rank, leftmost first.
            var best = Enumerable.Range(0, Math.Max(symbols.Count - 1, 0))
                .Select(i => (Rank: merges.FindIndex(m => m.First == symbols[i] && m.Second == symbols[i + 1]), Position: i))
                .Where(c => c.Rank >= 0)
                .DefaultIfEmpty((Rank: -1, Position: 0))
                .Min();
            if (best.Rank < 0) return [.. symbols];
            symbols[best.Position] = merges[best.Rank].Result;
            symbols.RemoveAt(best.Position + 1);
        }
    }
}
