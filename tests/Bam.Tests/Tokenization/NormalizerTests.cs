using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

/// <summary>Tests normalizers by the decoded text.</summary>
public sealed class NormalizerTests
{
    [Theory]
    [InlineData("""{"type":"NFC"}""", "e\u0301", "\u00E9")]
    [InlineData("""{"type":"NFD"}""", "\u00E9", "e\u0301")]
    [InlineData("""{"type":"NFKC"}""", "\uFB01", "fi")]
    [InlineData("""{"type":"NFKD"}""", "\u00BD", "1\u20442")]
    [InlineData("""{"type":"Lowercase"}""", "\u0130STANBUL \u1E9E \U00010400 \u03A3", "i\u0307stanbul \u00DF \U00010428 \u03C3")]
    [InlineData("""{"type":"Strip","strip_left":true,"strip_right":false}""", "\u3000 x ", "x ")]
    [InlineData("""{"type":"Strip","strip_left":false,"strip_right":true}""", " x\u2028 ", " x")]
    [InlineData("""{"type":"Strip","strip_left":true,"strip_right":true}""", " \n ", "")]
    [InlineData("""{"type":"Prepend","prepend":"_"}""", "x", "_x")]
    [InlineData("""{"type":"Prepend","prepend":"_"}""", "", "")]
    [InlineData("""{"type":"Replace","pattern":{"String":"a.c"},"content":"-"}""", "abc a.c", "abc -")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"\\p{L}+"},"content":"$0"}""", "ab \U00020000 1", "$0 $0 1")]
    [InlineData(
        """{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"Lowercase"},{"type":"NFC"}]}""", "E\u0301", "\u00E9")]
    [InlineData("""{"type":"Sequence","normalizers":[]}""", "E\u0301", "E\u0301")]
    public void Text_is_rewritten(string normalizer, string text, string expected)
    {
        var tokenizer = TinyTokenizer.With(json => json["normalizer"] = JsonNode.Parse(normalizer));
        tokenizer.Decode(tokenizer.Encode(text)).ShouldBe(expected);
    }
}
