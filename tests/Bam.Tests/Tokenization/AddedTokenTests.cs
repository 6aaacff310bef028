using System.Text.Json.Nodes;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

public sealed class AddedTokenTests
{
    [Theory]
    [InlineData("", "a <x>  b<x>c", "a|Ġ|<x>|Ġ|Ġ|b|<x>|c")]
    [InlineData("lstrip", "a <x>  b \t<x>c", "a|<x>|Ġ|Ġ|b|<x>|c")]
    [InlineData("rstrip", "a <x>  b<x>\n", "a|Ġ|<x>|b|<x>")]
    [InlineData("lstrip rstrip", "a <x> <x> b", "a|<x>|<x>|b")]
    [InlineData("single_word", "a<x> <x> <x>b (<x>)", "a|<|x|>|Ġ|<x>|Ġ|<|x|>|b|Ġ|(|<x>|)")]
    [InlineData("single_word", "_<x> \U0001D49C<x> <x>", "_|<|x|>|Ġ|ð|Ŀ|Ĵ|ľ|<|x|>|Ġ|<x>")]
    public void Flags_decide_what_it_takes_with_it(string flags, string text, string tokens)
    {
        var tokenizer = TinyTokenizer.With(json =>
        {
            var added = TinyTokenizer.Added(TinyTokenizer.FirstAdded, "<x>");
            foreach (var flag in flags.Split(' ', StringSplitOptions.RemoveEmptyEntries)) added[flag] = true;
            json["added_tokens"] = new JsonArray(added);
        });
        tokenizer.Tokens(text).ShouldBe(tokens);
    }

    [Fact]
    public void The_longest_of_those_that_start_together_wins()
    {
        var tokenizer = TinyTokenizer.With(json => json["added_tokens"] = new JsonArray(
            TinyTokenizer.Added(259, "ab"), TinyTokenizer.Added(260, "abcd"), TinyTokenizer.Added(261, "bc")));
        tokenizer.Tokens("abc abcd xbc").ShouldBe("ab|c|Ġ|abcd|Ġ|x|bc");
    }

    [Fact]
    public void They_may_be_listed_in_any_order()
    {
        JsonArray Listed(params int[] ids) => new([.. ids.Select(id => TinyTokenizer.Added(id, $"<{id}>"))]);
        var tokenizer = TinyTokenizer.With(json => json["added_tokens"] = Listed(261, 259, 260));
        tokenizer.Encode("<261><260><259>").ShouldBe([261, 260, 259]);
        tokenizer.Fingerprint.ShouldBe(TinyTokenizer.With(json => json["added_tokens"] = Listed(259, 260, 261)).Fingerprint);
    }

    [Theory]
    [InlineData(true, "Hello hello HELLO", "Hello|Ġ|Hello|Ġ|Hello")]
    [InlineData(false, "Hello hello HELLO", "Hello|Ġ|h|e|l|l|o|Ġ|h|e|l|l|o")]
    public void A_normalized_one_is_looked_for_after_normalisation(bool normalized, string text, string tokens)
    {
        var tokenizer = TinyTokenizer.With(json =>
        {
            var added = TinyTokenizer.Added(TinyTokenizer.FirstAdded, "Hello");
            added["normalized"] = normalized;
            json["added_tokens"] = new JsonArray(added);
            json["normalizer"] = new JsonObject { ["type"] = "Lowercase" };
        });
        tokenizer.Tokens(text).ShouldBe(tokens);
    }

    [Fact]
    public void A_prefix_space_goes_before_the_text_after_a_token_but_not_before_a_token()
    {
        var tokenizer = TinyTokenizer.With(json =>
        {
            json["added_tokens"] = new JsonArray(TinyTokenizer.Added(TinyTokenizer.FirstAdded, "<x>"));
            json["pre_tokenizer"] = TinyTokenizer.ByteLevel(addPrefixSpace: true);
        });
        tokenizer.Tokens("<x>the<x> the").ShouldBe("<x>|Ġthe|<x>|Ġthe");
    }

    [Fact]
    public void Special_ones_are_text_to_EncodeOrdinary_and_can_be_left_out_of_decoded_text()
    {
        var tokenizer = TinyTokenizer.With(json =>
        {
            var special = TinyTokenizer.Added(259, "<|endoftext|>");
            special["special"] = true;
            json["added_tokens"] = new JsonArray(special, TinyTokenizer.Added(260, "<x>"));
        });
        tokenizer.EndOfTextId.ShouldBe(259);
        tokenizer.Encode("a<|endoftext|><x>").ShouldBe(['a', 259, 260]);
        var ids = new List<int>();
        tokenizer.EncodeOrdinary("a<|endoftext|><x>", ids);
        ids.ShouldNotContain(259);
        ids[^1].ShouldBe(260);
        tokenizer.Decode(ids.ToArray()).ShouldBe("a<|endoftext|><x>");
        tokenizer.Decode(['a', 259, 260], skipSpecialTokens: true).ShouldBe("a<x>");
        tokenizer.VocabSize.ShouldBe(261);
        tokenizer.TokenToId("<x>").ShouldBe(260);
        tokenizer.TokenToId("Ġthe").ShouldBe(TinyTokenizer.The + 1);
        tokenizer.TokenToId("nothing").ShouldBeNull();
    }

    [Fact]
    public void The_end_of_text_is_a_special_token_of_a_usual_name()
    {
        End("<x>", special: true).ShouldBeNull();
        End("</s>", special: false).ShouldBeNull();
        End("</s>", special: true).ShouldBe(259);
        End("<|END_OF_TURN_TOKEN|>", special: true).ShouldBe(259);
        Tokenizer.Load(Fixtures.Tokenizer("cohere")).EndOfTextId.ShouldBe(0);

        static int? End(string content, bool special) => TinyTokenizer.With(json =>
        {
            var added = TinyTokenizer.Added(259, content);
            added["special"] = special;
            json["added_tokens"] = new JsonArray(added);
        }).EndOfTextId;
    }
}
