using System.Text;
using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public class JsonInputTests
{
    [Theory]
    [InlineData("""{"a": "\udc00x"}""", 1, 8, "\\udc00")]
    [InlineData("""{"\uD83Dx": 1}""", 1, 3, "\\uD83D")]
    [InlineData("""{"a": [{"b": "\ud83d"}]}""", 1, 15, "\\ud83d")]
    [InlineData("{\n \"a\": \"\\ud83d\\ud83d\\ude00\"\n}", 2, 8, "\\ud83d")]
    [InlineData("{\"a\": \"\\\\\\\"\\udfff\"}", 1, 12, "\\udfff")]
    public void Half_a_surrogate_pair_is_refused_by_place(string json, int line, int position, string escape) =>
        Refused(Encoding.UTF8.GetBytes(json))
            .ShouldBe(
                $"file: line {line}, byte {position}: expected Unicode text, found half of a surrogate pair, {escape}; mend it");

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused_by_place() =>
        Refused([.. "{\n\"a\": \"é"u8, 0xFF, .. "\"}"u8]).ShouldBe(
            "file: line 2, byte 9: expected Unicode text, found bytes that are not UTF-8; mend it");

    [Theory]
    [InlineData("""{"a": "\ud83d\ude00"}""", "😀")]
    [InlineData("""{"a": "\\ud83d"}""", "\\ud83d")]
    [InlineData("""{"a": "\\\ud83d\uDE00\n"}""", "\\😀\n")]
    public void Whole_pairs_and_what_only_looks_like_an_escape_are_read(string json, string text) =>
        JsonInput.Parse(Encoding.UTF8.GetBytes(json), "file", "mend it").GetProperty("a").GetString().ShouldBe(text);

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{\"a\":", "}")]
    public void Nesting_has_a_limit(string open, string close)
    {
        string Nested(int depth) =>
            string.Concat(Enumerable.Repeat(open, depth)) + "1" + string.Concat(Enumerable.Repeat(close, depth));
        JsonInput.Parse(Encoding.UTF8.GetBytes(Nested(64)), "file", "mend it");
        Refused(Encoding.UTF8.GetBytes(Nested(65))).ShouldStartWith("file: nested deeper than 64 levels (line 1, byte ");
        Refused(
            Encoding.UTF8.GetBytes(
                Nested(200_000)[..(200_000 * open.Length)])).ShouldStartWith("file: nested deeper than 64 levels (line 1, byte ");
        Refused(Encoding.UTF8.GetBytes(Nested(64)[..^1])).ShouldStartWith("file: not JSON (line 1, byte ");
    }

    [Theory]
    [InlineData("{\n \"a\": NaN}", "line 2, byte 7", "NaN")]
    [InlineData("{\"a\": Infinity}", "line 1, byte 7", "Infinity")]
    [InlineData("{\"a\": -Infinity}", "line 1, byte ", "Infinity")]
    public void Numbers_that_only_Python_writes_are_named(string json, string place, string number)
    {
        var refusal = Refused(Encoding.UTF8.GetBytes(json));
        refusal.ShouldStartWith($"file: {place}");
        refusal.ShouldEndWith(
            $": expected a number, null or a string, found {number}, which is no JSON though Python writes it; replace it, or "
                + "remove its key");
    }

    [Fact]
    public void A_byte_order_mark_is_dropped()
    {
        JsonInput.Parse([.. "\uFEFF{\"a\": 1}"u8], "file", "mend it").GetProperty("a").GetInt32().ShouldBe(1);
        Refused([.. "\uFEFF{\"a\": \"\\ud800\"}"u8]).ShouldStartWith("file: line 1, byte 8: ");
    }

    [Fact]
    public void A_long_value_is_shown_by_whole_characters()
    {
        var text = new string('a', 58) + "😀😀";
        JsonInput.Describe(JsonInput.Parse(Encoding.UTF8.GetBytes($"\"{text}\""), "file", "mend it"))
            .ShouldBe($"\"{new string('a', 58)}…");
        ShortText.Of(text, 59).ShouldBe($"{new string('a', 58)}…");
        ShortText.Of(text, 60).ShouldBe($"{new string('a', 58)}😀…");
        ShortText.Of(text, 62).ShouldBe(text);
    }

    private static string Refused(byte[] json) =>
        Should.Throw<InvalidInputException>(() => JsonInput.Parse(json, "file", "mend it")).Message;
}
