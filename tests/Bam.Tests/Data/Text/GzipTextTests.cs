using System.Text;
using Bam.Data.Text;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Text;

public sealed class GzipTextTests
{
    [Fact]
    public void Members_are_read_one_behind_the_other() =>
        Read([.. GzipMember.Of("one "), .. GzipMember.Of("two "), .. GzipMember.Of("three")]).ShouldBe("one two three");

    [Fact]
    public void Every_field_of_a_header_is_read() =>
        Read([.. GzipMember.WithAllFields("one "), .. GzipMember.WithAllFields("two")]).ShouldBe("one two");

    [Fact]
    public void Empty_members_are_read() =>
        Read([.. GzipMember.Of(""), .. GzipMember.Of("one"), .. GzipMember.Of("")]).ShouldBe("one");

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(200_000)]
    public void Zeros_between_members_and_at_the_end_are_padding(int zeros) =>
        Read([.. GzipMember.Of("one "), .. new byte[zeros], .. GzipMember.Of("two"), .. new byte[zeros]]).ShouldBe("one two");

    [Fact]
    public void Long_members_are_read_whatever_the_size_of_the_pieces()
    {
        var text = RandomText.Words(100_000, "gzip");

        foreach (var size in new[] { 1_000_000, 65_536, 1_001 })
            Read([.. GzipMember.Of(text), .. GzipMember.Of("end")], size).ShouldBe(text + "end");
    }

    [Theory]
    [InlineData("x")]
    [InlineData("\u001f")]
    [InlineData("\0\0garbage")]
    [InlineData("{\"text\": \"plain lines were appended\"}\n")]
    public void Other_bytes_behind_a_member_are_refused(string other)
    {
        var member = GzipMember.Of("one");
        var padding = other.Length - other.TrimStart('\0').Length;
        // A single 0x1F may be the start of a truncated member.
        Refusal([.. member, .. Encoding.UTF8.GetBytes(other)]).ShouldBe(other == "\u001f"
            ? "a.gz: the end of the gzip file is missing; copy it again"
            : $"a.gz: expected another gzip member or zeros behind the member that ends at byte {member.Length}, "
                + $"found {other.Length - padding} bytes at {member.Length + padding} that are neither; "
                + "copy the file again, or cut it off there if they are no text");
    }

    [Fact]
    public void A_file_without_its_end_is_refused_wherever_it_is_cut()
    {
        byte[] whole = [.. GzipMember.WithAllFields("one "), .. GzipMember.WithAllFields(RandomText.Words(50, "cut"))];
        var first = GzipMember.WithAllFields("one ").Length;
        for (var length = 1; length < whole.Length; length++)
        {
            if (length != first) Refusal(whole[..length]).ShouldBe("a.gz: the end of the gzip file is missing; copy it again");
        }
    }

    [Theory]
    [InlineData(2, "unknown compression method")]
    [InlineData(3, "unknown header flags set")]
    [InlineData(-8, "incorrect data check")]
    [InlineData(-1, "incorrect length check")]
    public void A_damaged_member_is_refused_with_its_place(int place, string found)
    {
        var first = GzipMember.Of("one");
        var second = GzipMember.Of("two two two");
        second[place < 0 ? second.Length + place : place] ^= 0xE0;

        Refusal([.. first, .. second]).ShouldBe(
            $"a.gz: the gzip member at byte {first.Length} is damaged ({found}); copy the file again");
    }

    [Fact]
    public void No_changed_byte_loses_text_in_silence()
    {
        byte[] whole = [.. GzipMember.Of("one and one and one"), .. new byte[5], .. GzipMember.Of("two and two")];
        for (var place = 0; place < whole.Length; place++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[place] ^= 0x10;
            string? text = null;
            try
            {
                text = Read(damaged);
            }
            catch (InvalidInputException)
            {
                // Rejected, as expected.
            }

            // Header fields such as time and operating system have no influence.
            text?.ShouldBe("one and one and onetwo and two", $"byte {place}");
        }
    }

    [Theory]
    [InlineData("plain text")]
    [InlineData("\0")]
    public void What_is_no_gzip_file_is_refused(string content) =>
        Refusal(Encoding.UTF8.GetBytes(content)).ShouldBe(
            "a.gz: expected a gzip file, found other bytes at its beginning; copy it again, or leave .gz off its name if it is "
                + "not compressed");

    private static string Read(byte[] file, int pieces = 4096)
    {
        using var gzip = new GzipText(new MemoryStream(file), "a.gz");
        var (text, piece) = (new MemoryStream(), new byte[pieces]);
        for (int count; (count = gzip.Read(piece)) > 0;) text.Write(piece, 0, count);
        return Encoding.UTF8.GetString(text.ToArray());
    }

    private static string Refusal(byte[] file) => Should.Throw<InvalidInputException>(() => Read(file)).Message;
}
