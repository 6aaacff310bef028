using System.Text;
using Bam.Data.Text;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Text;

public sealed class JsonLinesTests
{
    private const int Most = 40;

    private static readonly string Document = "{\"text\": \"" + new string('x', Most - 13) + "\"}\n";

    [Theory]
    [InlineData("", "a longer line; write each document on a line of its own, or split it")]
    [InlineData(
        "[",
        "a longer line that begins with '['; the file looks like one JSON array: write each of its elements on a line of its "
            + "own, for example with 'jq -c .[]'")]
    [InlineData(
        "\uFEFF \t[",
        "a longer line that begins with '['; the file looks like one JSON array: write each of its elements on a line of its "
            + "own, for example with 'jq -c .[]'")]
    public void A_line_without_an_end_is_refused_once_it_is_too_long(string beginning, string found)
    {
        var endless = new EndlessStream(Encoding.UTF8.GetBytes(beginning));

        Should.Throw<InvalidInputException>(() => Read(endless)).Message.ShouldBe(
            $"big.jsonl:1: expected one JSON document a line, of at most {Most} bytes, found {found}");

        endless.Position.ShouldBeLessThanOrEqualTo(Most);
    }

    [Fact]
    public void Lines_of_the_most_bytes_are_read_and_the_number_of_a_longer_one_is_named()
    {
        Encoding.UTF8.GetByteCount(Document).ShouldBe(Most);
        Read(Lines(Document, Document)).Count.ShouldBe(2);
        Should.Throw<InvalidInputException>(
            () => Read(
                Lines(
                    Document, "\n",
                    Document.Replace("xx", "xxx", StringComparison.Ordinal)))).Message.ShouldStartWith("big.jsonl:3: ");
    }

    [Theory]
    [InlineData("[{\"text\": \"x\"}]")]
    [InlineData("[\n{\"text\": \"x\"},\n{\"text\": \"y\"}\n]")]
    public void A_file_that_begins_like_an_array_is_called_one(string json)
    {
        var bad = new BadLines(0);
        _ = JsonLines.Read(Lines(json), "array.jsonl", new DocumentFormat("text"), bad).ToList();
        bad.Refusal().Message.ShouldContain("array.jsonl:1: expected a JSON object, found an array");
        bad.Refusal().Message.ShouldContain(
            "; the file looks like one JSON array: write each of its elements on a line of its own, "
                + "for example with 'jq -c .[]'");
    }

    private static MemoryStream Lines(params string[] lines) => new(Encoding.UTF8.GetBytes(string.Concat(lines)));

    private static List<TextDocument> Read(Stream stream) =>
        [.. JsonLines.Read(stream, "big.jsonl", new DocumentFormat("text"), new BadLines(0), Most)];

    /// <summary>Some bytes, followed by an endless sequence of letters.</summary>
    private sealed class EndlessStream(byte[] beginning) : ReadOnlyStream
    {
        private long position;

        public override long Length => long.MaxValue;

        public override long Position { get => position; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            for (var i = 0; i < buffer.Length; i++, position++)
                buffer[i] = position < beginning.Length ? beginning[position] : (byte)'x';
            return buffer.Length;
        }
    }
}
