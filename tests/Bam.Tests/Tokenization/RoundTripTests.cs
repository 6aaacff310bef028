using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

public sealed class RoundTripTests
{
    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    public void Any_text_decodes_to_itself_where_nothing_is_normalised(string style)
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer(style));
        var random = new RandomStream(1, style);
        for (var i = 0; i < 3000; i++)
        {
            var text = RandomText.Next(ref random);
            tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false)).ShouldBe(text);
        }
    }

    [Fact]
    public void Appending_to_a_list_gives_the_same_ids()
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer("llama3"));
        var ids = new List<int> { 7 };
        tokenizer.Encode("the words", ids);
        tokenizer.Encode("the words", ids, addSpecialTokens: false);
        ids.ShouldBe([7, .. tokenizer.Encode("the words"), .. tokenizer.Encode("the words", addSpecialTokens: false)]);
    }

    [Fact]
    public void An_unpaired_surrogate_is_the_replacement_character()
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer("gpt2"));
        foreach (var text in new[] { "\uD83D", "a\uDE00b", "x \uD83D\uD83D\uDE00 ", "\uDC00\uD800", "word\uD800" })
        {
            var replaced = string.Concat(text.EnumerateRunes());
            tokenizer.Encode(text).ShouldBe(tokenizer.Encode(replaced));
            tokenizer.Decode(tokenizer.Encode(text)).ShouldBe(replaced);
        }
    }

    [Fact]
    public void Bytes_that_are_no_text_and_ids_without_a_token_decode_without_fault()
    {
        var tokenizer = TinyTokenizer.With(_ => { });
        tokenizer.Decode([0xE2, 'a', 0x80]).ShouldBe("\uFFFDa\uFFFD");
        tokenizer.Decode(['a', 99_999, -1, 'b']).ShouldBe("ab");
        tokenizer.BytesOf(0xE2).ToArray().ShouldBe([0xE2]);
        tokenizer.BytesOf(99_999).Length.ShouldBe(0);
        tokenizer.BytesOf(-1).Length.ShouldBe(0);
    }

    [Fact]
    public void Many_threads_get_the_ids_of_one()
    {
        var tokenizer = Tokenizer.Load(Fixtures.Tokenizer("cohere"));
        var random = new RandomStream(2, "threads");
        var texts = Enumerable.Range(0, 400).Select(_ => RandomText.Next(ref random)).ToArray();
        var expected = texts.Select(text => tokenizer.Encode(text)).ToArray();
        Parallel.For(0, 8 * texts.Length, i => tokenizer.Encode(texts[i % texts.Length]).ShouldBe(expected[i % texts.Length]));
    }

    [Fact]
    public void A_full_word_cache_changes_nothing()
    {
        var tokenizer = TinyTokenizer.With(_ => { });
        var text = string.Join(' ', Enumerable.Range(0, 150_000).Select(i => $"the{i}"));
        tokenizer.Decode(tokenizer.Encode(text)).ShouldBe(text);
        tokenizer.Tokens("the the").ShouldBe("the|Ġthe");
    }
}
