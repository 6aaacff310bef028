using System.Text;
using Bam.Data.Text;
using Shouldly;
using Xunit;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Bam.Tests.Data.Text;

public sealed class ZstdTextTests
{
    // RFC 8878, section 3.1.2: magic number, length, that many bytes.
    private static readonly byte[] Skippable = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 0x28, 0xB5, 0x2F];

    [Fact]
    public void Frames_are_read_one_behind_the_other() =>
        Read([.. Frame("one "), .. Frame("two "), .. Frame("three")]).ShouldBe("one two three");

    [Fact]
    public void Empty_and_skippable_frames_are_passed_over() =>
        Read([.. Skippable, .. Frame("one "), .. Frame(""), .. Skippable, .. Frame("two"), .. Skippable]).ShouldBe("one two");

    [Theory]
    [InlineData("pzstd")]
    [InlineData("window-2gib")]
    public void Files_of_the_command_line_tools_are_read(string name)
    {
        var file = Fixtures.Text($"zstd/{name}.jsonl.zst");

        new DocumentReader([file], new("text"), SilentReporter.Instance).Read().Select(document => document.Text)
            .ShouldBe(Enumerable.Range(0, 60).Select(i => $"line {i}: Straße 漢字 {new string('y', i)}"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(200_000)]
    public void Zeros_between_frames_and_at_the_end_are_padding(int zeros) =>
        Read([.. Frame("one "), .. new byte[zeros], .. Frame("two"), .. new byte[zeros]]).ShouldBe("one two");

    [Theory]
    [InlineData(1)]
    [InlineData(19)]
    public void Long_frames_are_read_whatever_the_size_of_the_pieces(int level)
    {
        var text = RandomText.Words(300_000, "zstd");

        foreach (var size in new[] { 1_000_000, 65_536, 1_001 })
            Read([.. Frame(text + text, level), .. Frame("end")], size).ShouldBe(text + text + "end");
    }

    [Theory]
    [InlineData("x")]
    [InlineData("(")]
    [InlineData("\0\0garbage")]
    [InlineData("{\"text\": \"plain lines were appended\"}\n")]
    public void Other_bytes_behind_a_frame_are_refused(string other)
    {
        var frame = Frame("one");
        var padding = other.Length - other.TrimStart('\0').Length;
        // A single 0x28, '(', may be the start of a truncated frame.
        Refusal([.. frame, .. Encoding.UTF8.GetBytes(other)]).ShouldBe(other == "("
            ? "a.zst: the end of the zstd file is missing; copy it again"
            : $"a.zst: expected another zstd frame or zeros behind the frame that ends at byte {frame.Length}, "
                + $"found {other.Length - padding} bytes at {frame.Length + padding} that are neither; "
                + "copy the file again, or cut it off there if they are no text");
    }

    [Fact]
    public void A_file_without_its_end_is_refused_wherever_it_is_cut()
    {
        byte[][] parts = [Frame("one "), Skippable, Frame(RandomText.Words(500, "cut"))];
        byte[] whole = [.. parts[0], .. parts[1], .. parts[2]];
        int[] ends = [parts[0].Length, parts[0].Length + parts[1].Length];
        for (var length = 1; length < whole.Length; length++)
        {
            if (!ends.Contains(length))
                Refusal(whole[..length]).ShouldBe("a.zst: the end of the zstd file is missing; copy it again", $"{length}");
        }
    }

    [Fact]
    public void A_damaged_frame_is_refused_with_its_place()
    {
        var first = Frame("one");
        var second = Frame("two two two");
        second[^1] ^= 1;

        Refusal([.. first, .. second]).ShouldBe(
            $"a.zst: the zstd frame at byte {first.Length} is damaged (Restored data doesn't match checksum); "
                + "copy the file again");
    }

    [Fact]
    public void No_changed_byte_loses_text_in_silence()
    {
        byte[] whole = [.. Frame("one and one and one"), .. new byte[5], .. Frame("two and two")];
        var refused = 0;
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
                refused++;
            }

            // An unused bit of the header has no influence (RFC 8878, section 3.1.1.1.1.3).
            text?.ShouldBe("one and one and onetwo and two", $"byte {place}");
        }

        refused.ShouldBeGreaterThan(whole.Length - 3);
    }

    [Fact]
    public void A_frame_that_needs_a_dictionary_is_refused()
    {
        var file = Fixtures.Text("zstd/with-dictionary.jsonl.zst");

        Refusal(File.ReadAllBytes(file)).ShouldBe(
            "a.zst: the zstd frame at byte 0 needs the dictionary that it was compressed with; "
                + "decompress it with 'zstd -d -D DICTIONARY'");
    }

    [Theory]
    [InlineData("plain text")]
    [InlineData("\0")]
    public void What_is_no_zstd_file_is_refused(string content) =>
        Refusal(Encoding.UTF8.GetBytes(content)).ShouldBe(
            "a.zst: expected a zstd file, found other bytes at its beginning; copy it again, or leave .zst off its name if it is "
                + "not compressed");

    /// <summary>A frame with a checksum, as the command line tool writes it.</summary>
    internal static byte[] Frame(string text, int level = 3)
    {
        using var compressor = new Compressor(level);
        compressor.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return compressor.Wrap(Encoding.UTF8.GetBytes(text)).ToArray();
    }

    private static string Read(byte[] file, int pieces = 4096)
    {
        using var zstd = new ZstdText(new MemoryStream(file), "a.zst");
        var (text, piece) = (new MemoryStream(), new byte[pieces]);
        for (int count; (count = zstd.Read(piece)) > 0;) text.Write(piece, 0, count);
        return Encoding.UTF8.GetString(text.ToArray());
    }

    private static string Refusal(byte[] file) => Should.Throw<InvalidInputException>(() => Read(file)).Message;
}
