using System.Text;
using System.Text.Json.Nodes;
using Bam.Generation;
using Bam.Tests.Tokenization;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Generation;

/// <summary>Tests incremental decoding, mostly with one byte per token.</summary>
public sealed class StreamingTextDecoderTests
{
    private static readonly Tokenizer Bytes = TinyTokenizer.With(json =>
    {
        var special = TinyTokenizer.Added(TinyTokenizer.FirstAdded, "<|endoftext|>");
        special["special"] = true;
        json["added_tokens"] = new JsonArray(special);
    });

    private static readonly Tokenizer Llama2 = Tokenizer.Load(Fixtures.Tokenizer("llama2"));

    [Fact]
    public void Letters_come_at_once() => Pieces("abc").ShouldBe(["a", "b", "c", ""]);

    [Theory]
    [InlineData("é")]
    [InlineData("€")]
    [InlineData("😀")]
    public void A_character_comes_when_its_last_byte_does(string letter)
    {
        var count = Encoding.UTF8.GetByteCount(letter);
        Pieces($"x{letter}y").ShouldBe(["x", .. Enumerable.Repeat("", count - 1), letter, "y", ""]);
    }

    [Fact]
    public void Bytes_that_are_no_text_come_as_the_tokenizer_decodes_them()
    {
        int[] ids = ['a', 0xE2, 0x82, 'b', 0xFF, 0xC3, 0xA9, 0xF0, 0x9F];
        string.Concat(Pieces(ids)).ShouldBe(Bytes.Decode(ids));
        Pieces(ids)[^1].ShouldBe("\uFFFD");
    }

    [Fact]
    public void Random_bytes_in_pieces_are_the_whole()
    {
        var random = new Random(1);
        for (var repeat = 0; repeat < 200; repeat++)
        {
            var ids = Enumerable.Range(0, random.Next(1, 30))
                .Select(_ => random.Next(2) == 0 ? random.Next(0x80, 0x100) : random.Next(260)).ToArray();
            string.Concat(Pieces(ids)).ShouldBe(Bytes.Decode(ids, skipSpecialTokens: true));
        }
    }

    [Fact]
    public void Special_tokens_have_no_text() => Pieces(['a', TinyTokenizer.FirstAdded, 'b']).ShouldBe(["a", "", "b", ""]);

    [Fact]
    public void A_stop_string_over_several_tokens_ends_the_text_before_it()
    {
        var decoder = new StreamingTextDecoder(Bytes, ["end"]);
        Append(decoder, "the ").ShouldBe(["t", "h", "", "e "]);  // the e may be the beginning
        Append(decoder, "en").ShouldBe(["", ""]);
        decoder.StoppedBy.ShouldBeNull();
        Append(decoder, "d").ShouldBe([""]);
        decoder.StoppedBy.ShouldBe("end");
        decoder.Finish().ShouldBe("");
        Should.Throw<InvalidOperationException>(() => decoder.Append('x'));
    }

    [Fact]
    public void A_stop_string_inside_one_token_cuts_it()
    {
        var decoder = new StreamingTextDecoder(Bytes, ["h"]);
        decoder.Append(TinyTokenizer.The + 1).ShouldBe(" t");
        decoder.StoppedBy.ShouldBe("h");
    }

    [Fact]
    public void Text_that_only_began_like_a_stop_string_comes_later() =>
        Pieces("aabx", "aab!").ShouldBe(["", "", "", "aabx", ""]);

    [Fact]
    public void A_stop_string_may_begin_inside_what_was_held_back() =>
        Pieces("aaab", "aab").ShouldBe(["", "", "a", ""]);

    [Fact]
    public void What_is_held_back_comes_at_the_end() => Pieces("xen", "end").ShouldBe(["x", "", "", "en"]);

    [Fact]
    public void The_earliest_of_several_counts()
    {
        var decoder = new StreamingTextDecoder(Bytes, ["he", "the"]);
        decoder.Append(TinyTokenizer.The).ShouldBe("");
        decoder.StoppedBy.ShouldBe("the");
    }

    [Fact]
    public void A_stop_string_of_several_bytes_a_letter_is_found() => Pieces("a€b", "€").ShouldBe(["a", "", "", ""]);

    [Fact]
    public void A_row_of_byte_tokens_comes_when_it_ends_as_the_tokenizer_decodes_it()
    {
        var (line, first, second, ff, a) = (Id("<0x0A>"), Id("<0xC3>"), Id("<0xA9>"), Id("<0xFF>"), Id("a"));
        Pieces(Llama2, [a, first, second, line, a, a]).ShouldBe(["a", "", "", "", "é\na", "a", ""]);
        Pieces(Llama2, [a, first, second, ff, a]).ShouldBe(["a", "", "", "", "\uFFFD\uFFFD\uFFFDa", ""]);
        Pieces(Llama2, [a, first]).ShouldBe(["a", "", "\uFFFD"]);
    }

    [Fact]
    public void Random_tokens_with_bytes_among_them_are_the_whole()
    {
        var random = new Random(1);
        foreach (var style in new[] { "llama2", "mistral", "gemma", "metaspace", "few-bytes" })
        {
            var tokenizer = Tokenizer.Load(Fixtures.Tokenizer(style));
            for (var repeat = 0; repeat < 200; repeat++)
            {
                var ids = Enumerable.Range(0, random.Next(1, 30))
                    .Select(_ => random.Next(random.Next(2) == 0 ? 300 : tokenizer.VocabSize)).ToArray();
                string.Concat(Pieces(tokenizer, ids)).ShouldBe(tokenizer.Decode(ids, skipSpecialTokens: true), style);
            }
        }
    }

    [Fact]
    public void A_stop_string_of_byte_tokens_ends_the_text_at_once()
    {
        Pieces(Llama2, [Id("a"), Id("<0x0A>"), Id("a")], "\n").ShouldBe(["a", ""]);
        Pieces(Llama2, [Id("<0xC3>"), Id("<0xA9>"), Id("<0x0A>")], "\n").ShouldBe(["", "", "é"]);
    }

    [Fact]
    public void A_space_at_the_beginning_goes_unless_text_is_before_it()
    {
        int[] ids = [Id("▁the"), Id("▁the")];
        Streamed(prompt: null).ShouldBe("the the");
        Streamed(prompt: [Id("<s>")]).ShouldBe("the the");
        Streamed(prompt: [Id("<s>"), Id("a")]).ShouldBe(" the the");

        string Streamed(int[]? prompt)
        {
            var decoder = new StreamingTextDecoder(Llama2, [], prompt);
            return string.Concat(ids.Select(decoder.Append)) + decoder.Finish();
        }
    }

    [Fact]
    public void An_empty_stop_string_is_refused() =>
        Should.Throw<InvalidInputException>(() => new StreamingTextDecoder(Bytes, ["a", ""])).Message.ShouldContain("stop");

    private static int Id(string token) => Llama2.TokenToId(token)!.Value;

    private static List<string> Pieces(string text, params string[] stops) => Pieces(Bytes, BytesOf(text), stops);

    private static List<string> Pieces(int[] ids) => Pieces(Bytes, ids);

    // The text of each token up to the stop string, and of Finish.
    private static List<string> Pieces(Tokenizer tokenizer, int[] ids, params string[] stops)
    {
        var decoder = new StreamingTextDecoder(tokenizer, stops);
        var pieces = new List<string>();
        foreach (var id in ids)
        {
            pieces.Add(decoder.Append(id));
            if (decoder.StoppedBy is not null) return pieces;
        }

        pieces.Add(decoder.Finish());
        return pieces;
    }

    private static string[] Append(StreamingTextDecoder decoder, string text) => [.. BytesOf(text).Select(decoder.Append)];

    private static int[] BytesOf(string text) => [.. Encoding.UTF8.GetBytes(text).Select(value => (int)value)];
}
