using Bam.Checkpoints.Safetensors;
using Shouldly;
using Xunit;
using static Bam.Tests.Checkpoints.RawSafetensors;

namespace Bam.Tests.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private const string Damaged = "the file is damaged, copy or convert it again";

    private readonly TemporaryDirectory directory = new();

    private string FilePath => directory["x.safetensors"];

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Tensors_metadata_scalars_and_empty_tensors_are_read()
    {
        var header = "{\"__metadata__\":{\"format\":\"pt\"}," + Entry("b", "U8", "[2, 2]", 0, 4) + "," + Entry(
            "scalar", "U8", "[]", 4, 5) + ","
            + Entry("empty", "F32", "[0, 7]", 5, 5) + "}   ";
        using var file = SafetensorsFile.Open(Write(FilePath, header, 5));
        file.Metadata["format"].ShouldBe("pt");
        file["b"].Shape.ShouldBe([2L, 2L]);
        file["scalar"].Count.ShouldBe(1);
        file["empty"].Count.ShouldBe(0);
        var bytes = new byte[2];
        file.ReadBytes(file["b"], 2, bytes);
        bytes.ShouldBe([2, 3]);
        file.ReadBytes(file["scalar"], 0, bytes.AsSpan(0, 1));
        bytes[0].ShouldBe((byte)4);
    }

    [Fact]
    public void Reading_beyond_a_tensor_is_a_fault_of_the_caller()
    {
        using var file = SafetensorsFile.Open(
            Write(FilePath, "{" + Entry("a", "U8", "[4]", 0, 4) + "," + Entry("b", "U8", "[4]", 4, 8) + "}", 8));
        Should.Throw<ArgumentOutOfRangeException>(() => file.ReadBytes(file["a"], 2, new byte[3]));
        Should.Throw<ArgumentOutOfRangeException>(() => file.ReadBytes(file["a"], -1, new byte[3]));
    }

    public static TheoryData<string, string, int> WrongHeaders => new()
    {
        // message, header, bytes of data
        { "header: not JSON (line 1, byte 2); " + Damaged, "{]", 0 },
        { "header: expected a JSON object, found an array; " + Damaged, "[]", 0 },
        { "header: expected a JSON object, found a byte-order mark; " + Damaged, "\uFEFF{}", 0 },
        {
            "header: line 1, byte 3: expected Unicode text, found half of a surrogate pair, \\ud800; " + Damaged,
            "{\"\\ud800\":1}", 0
        },
        { "tensor w: expected an object with dtype, shape and data_offsets, found 3; " + Damaged, "{\"w\":3}", 0 },
        { "tensor w: expected a dtype, found none; " + Damaged, "{\"w\":{\"shape\":[],\"data_offsets\":[0,0]}}", 0 },
        { "tensor w: expected a shape, found none; " + Damaged, "{\"w\":{\"dtype\":\"U8\",\"data_offsets\":[0,0]}}", 0 },
        {
            "tensor w: expected data_offsets with a begin and an end, found none; " + Damaged,
            "{\"w\":{\"dtype\":\"U8\",\"shape\":[]}}", 0
        },
        {
            "tensor w: expected data_offsets with a begin and an end, found [0]; " + Damaged,
            "{\"w\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0]}}", 0
        },
        {
            "tensor w: expected dtype, shape and data_offsets, once each, found \"stride\"; " + Damaged, "{\"w\":{\"stride\":1}}",
            0
        },
        {
            "tensor w: expected dtype, shape and data_offsets, once each, found \"dtype\"; " + Damaged,
            "{\"w\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0
        },
        { "tensor w: shape: expected integers from 0, found -1; " + Damaged, "{" + Entry("w", "U8", "[-1]", 0, 0) + "}", 0 },
        { "tensor w: shape: expected integers from 0, found 1.5; " + Damaged, "{" + Entry("w", "U8", "[1.5]", 0, 0) + "}", 0 },
        { "tensor w: shape: expected an array of integers, found 4; " + Damaged, "{" + Entry("w", "U8", "4", 0, 4) + "}", 4 },
        {
            "tensor w: dtype: expected one that safetensors has (F32, BF16, F16 …), found F3; " + Damaged,
            "{" + Entry("w", "F3", "[4]", 0, 4) + "}", 4
        },
        { "tensor w: expected 12 bytes for F32 [3], found 8; " + Damaged, "{" + Entry("w", "F32", "[3]", 0, 8) + "}", 8 },
        { "tensor w: expected 6 bytes for BF16 [3], found 12; " + Damaged, "{" + Entry("w", "BF16", "[3]", 0, 12) + "}", 12 },
        {
            "tensor w: expected more bytes than any file has for F32 [4611686018427387904], found 0; " + Damaged,
            "{" + Entry("w", "F32", "[4611686018427387904]", 0, 0) + "}", 0
        },
        {
            "tensor w: expected more bytes than any file has for U8 [4294967296, 4294967296], found 0; " + Damaged,
            "{" + Entry("w", "U8", "[4294967296, 4294967296]", 0, 0) + "}", 0
        },
        {
            "tensor w: expected one tensor of that name, found two; " + Damaged,
            "{" + Entry("w", "U8", "[4]", 0, 4) + "," + Entry("w", "U8", "[4]", 4, 8) + "}", 8
        },
        {
            "tensor w: data_offsets: expected a range within the 4 bytes of data, found [0, 8]; the file is cut short, copy "
            + "it again",
            "{" + Entry("w", "F32", "[2]", 0, 8) + "}", 4
        },
        {
            "tensor w: data_offsets: expected a range within the 8 bytes of data, found [8, 4]; " + Damaged,
            "{" + Entry("w", "F32", "[1]", 8, 4) + "}", 8
        },
        {
            "tensor v: data_offsets: expected a begin of 4, found 2, inside w; " + Damaged,
            "{" + Entry("w", "U8", "[4]", 0, 4) + "," + Entry("v", "U8", "[4]", 2, 6) + "}", 6
        },
        {
            "tensor v: data_offsets: expected a begin of 4, found 6, behind a hole; " + Damaged,
            "{" + Entry("w", "U8", "[4]", 0, 4) + "," + Entry("v", "U8", "[2]", 6, 8) + "}", 8
        },
        {
            "tensor w: data_offsets: expected a begin of 0, found 2, behind a hole; " + Damaged,
            "{" + Entry("w", "U8", "[2]", 2, 4) + "}", 4
        },
        { "data: expected 4 bytes, as the header declares, found 9; " + Damaged, "{" + Entry("w", "U8", "[4]", 0, 4) + "}", 9 },
        {
            "tensor __metadata__: expected an object of strings, found format = 1; " + Damaged,
            "{\"__metadata__\":{\"format\":1}}", 0
        },
    };

    [Theory, MemberData(nameof(WrongHeaders))]
    public void A_wrong_header_costs_one_line(string message, string header, int dataLength) =>
        OpenFails(Write(FilePath, header, dataLength)).ShouldBe($"{FilePath}: {message}");

    [Fact]
    public void A_pointer_of_Git_LFS_is_called_so()
    {
        File.WriteAllText(FilePath, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
        Should.Throw<InvalidInputException>(() => SafetensorsFile.Open(FilePath)).Message
            .ShouldBe(
                $"{FilePath}: expected a safetensors file, found a pointer of Git LFS, which stands for the file; fetch the "
                + "file itself with 'git lfs pull'");
    }

    [Theory]
    [InlineData(
        1_000ul,
        "header length: expected at most the 57 bytes that follow it, found 1000; the file is cut short or is not "
        + "safetensors, copy it again")]
    [InlineData(
        ulong.MaxValue, "header length: expected at most 100000000 bytes, found 18446744073709551615; is it a safetensors file?")]
    [InlineData(20ul, "header: not JSON (line 1, byte 21); the file is damaged, copy or convert it again")]
    [InlineData(54ul, "header: not JSON (line 1, byte 54); the file is damaged, copy or convert it again")]
    public void A_header_that_lies_about_its_length_costs_one_line(ulong length, string message) =>
        OpenFails(Write(FilePath, "{" + Entry("w", "U8", "[4]", 0, 4) + "}", 4, length)).ShouldBe($"{FilePath}: {message}");

    [Fact]
    public void Every_way_to_cut_a_file_short_costs_one_line()
    {
        var whole = File.ReadAllBytes(Write(FilePath, "{" + Entry("w", "U8", "[4]", 0, 4) + "}", 4));
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(FilePath, whole[..length]);
            OpenFails(FilePath).ShouldContain("cut short");
        }
    }

    [Fact]
    public void A_missing_file_and_a_directory_cost_one_line()
    {
        OpenFails(directory["none"]).ShouldBe($"{directory["none"]}: does not exist; expected a .safetensors file");
        OpenFails(directory.Root).ShouldContain($"{directory.Root}: expected a regular file, found a directory");
    }

    [Fact]
    public void A_file_that_shrinks_while_it_is_open_costs_one_line()
    {
        using var file = SafetensorsFile.Open(Write(FilePath, "{" + Entry("w", "U8", "[4000]", 0, 4000) + "}", 4000));
        using (var other = new FileStream(FilePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) other.SetLength(100);
        Should.Throw<InvalidInputException>(() => file.ReadBytes(file["w"], 0, new byte[4000]))
            .Message.ShouldContain("it was changed while Bam read it");
    }

    [Fact]
    public void Names_and_types_that_are_not_there_are_named()
    {
        using var file = SafetensorsFile.Open(
            Write(
                FilePath,
                "{" + Entry("w", "I64", "[1]", 0, 8) + "," + Entry("i", "I32", "[1]", 8, 12) + "," + Entry(
                    "f", "F32", "[1]", 12, 16) + "}",
                16));
        file.ReadInt64("w").ShouldBe([0x0706050403020100]);
        file.ReadInt64("i").ShouldBe([0x0B0A0908L]);
        Should.Throw<InvalidInputException>(() => file.ReadFloat32("w", new float[1]))
            .Message.ShouldBe($"{FilePath}: tensor w: dtype: expected a floating-point type, found I64; is it the right file?");
        Should.Throw<InvalidInputException>(() => file.ReadInt64("f"))
            .Message.ShouldBe($"{FilePath}: tensor f: dtype: expected I64, found F32; store it as int64");
        Should.Throw<InvalidInputException>(() => file.ReadInt64("v"))
            .Message.ShouldBe($"{FilePath}: tensor v: expected such a tensor, found none; is it the right file?");
        Should.Throw<ArgumentException>(() => file.ReadFloat32("f", new float[2]));
    }

    private static string OpenFails(string path) =>
        Should.Throw<InvalidInputException>(() => SafetensorsFile.Open(path).Dispose()).Message;
}
