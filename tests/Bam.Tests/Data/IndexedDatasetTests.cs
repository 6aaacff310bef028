using System.Security.Cryptography;
using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data;

public sealed class IndexedDatasetTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void The_bytes_are_Megatrons()
    {
        // What numpy and struct write for documents [7, 65000] and [1, 2, 3] by Megatron-LM's _IndexWriter.
        Write("d", TokenType.UInt16, [7, 65000], [1, 2, 3]);

        Convert.ToHexString(File.ReadAllBytes(directory["d.bin"])).ShouldBe("0700E8FD010002000300");
        Convert.ToHexString(File.ReadAllBytes(directory["d.idx"])).ShouldBe(
            "4D4D4944494458" + "0000" // MMIDIDX\0\0
            + "0100000000000000" + "08" // version 1, uint16
            + "0200000000000000" + "0300000000000000" // 2 sequences, 2 documents and one
            + "02000000" + "03000000" // lengths
            + "0000000000000000" + "0400000000000000" // places in bytes
            + "0000000000000000" + "0100000000000000" + "0200000000000000"); // first sequences
    }

    [Theory]
    [InlineData(TokenType.UInt16)]
    [InlineData(TokenType.Int32)]
    internal void What_is_written_is_read(TokenType type)
    {
        Write("d", type, [5, 6], [], [65535, 0, 1]);

        using var dataset = IndexedDataset.Open(directory["d"]);
        dataset.TokenType.ShouldBe(type);
        dataset.TokenCount.ShouldBe(5);
        dataset.DocumentCount.ShouldBe(3);
        Read(dataset, 0, 5).ShouldBe([5, 6, 65535, 0, 1]);
        Read(dataset, 1, 2).ShouldBe([6, 65535]);
        Enumerable.Range(0, 3).Select(i => dataset.Document(i)).ShouldBe([(0L, 2L), (2L, 0L), (2L, 3L)]);
        dataset.FindMaxTokenId().ShouldBe(65535);
    }

    [Fact]
    public void The_writer_returns_the_hash_of_the_tokens()
    {
        using var writer = new IndexedDatasetWriter(directory["d"], TokenType.UInt16);
        writer.Append([1, 2]);
        var hash = writer.Complete();

        hash.ShouldBe(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(directory["d.bin"]))));
    }

    [Theory]
    [InlineData(1, new byte[] { 1, 0xFF }, new[] { 1, 255 })]
    [InlineData(2, new byte[] { 1, 0x7F }, new[] { 1, 127 })]
    [InlineData(3, new byte[] { 1, 0, 0xFF, 0x7F }, new[] { 1, 32767 })]
    [InlineData(4, new byte[] { 1, 0, 0, 0, 0, 0, 1, 0 }, new[] { 1, 65536 })]
    [InlineData(5, new byte[] { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 }, new[] { 1, 65536 })]
    [InlineData(8, new byte[] { 1, 0, 0xFF, 0xFF }, new[] { 1, 65535 })]
    public void Every_integer_type_is_read(byte code, byte[] tokens, int[] expected)
    {
        File.WriteAllBytes(directory["d.bin"], tokens);
        File.WriteAllBytes(directory["d.idx"], Index(code, [2], [0], [0, 1]));

        using var dataset = IndexedDataset.Open(directory["d"]);
        Read(dataset, 0, 2).ShouldBe(expected);
    }

    [Fact]
    public void Documents_of_several_sequences_are_one_stretch()
    {
        File.WriteAllBytes(directory["d.bin"], [1, 2, 3, 4, 5, 6]);
        File.WriteAllBytes(directory["d.idx"], Index(1, [1, 2, 3], [0, 1, 3], [0, 2, 3]));

        using var dataset = IndexedDataset.Open(directory["d.idx"]);
        dataset.DocumentCount.ShouldBe(2);
        dataset.Document(0).ShouldBe((0L, 3L));
        dataset.Document(1).ShouldBe((3L, 3L));
    }

    [Fact]
    public void A_modes_table_is_passed_over()
    {
        File.WriteAllBytes(directory["d.bin"], [1, 2]);
        File.WriteAllBytes(directory["d.idx"], [.. Index(1, [1, 1], [0, 1], [0, 1, 2]), 0, 1]);

        using var dataset = IndexedDataset.Open(directory["d"]);
        dataset.TokenCount.ShouldBe(2);
    }

    [Fact]
    public void An_empty_data_set_is_one()
    {
        Write("d", TokenType.UInt16);

        using var dataset = IndexedDataset.Open(directory["d"]);
        dataset.TokenCount.ShouldBe(0);
        dataset.DocumentCount.ShouldBe(0);
        dataset.FindMaxTokenId().ShouldBe(-1);
        dataset.Read(0, []);
        Should.Throw<ArgumentOutOfRangeException>(() => dataset.Read(0, new int[1]));
    }

    [Fact]
    public void Reading_goes_beyond_two_gibibytes()
    {
        // A sparse file: 1.1·10⁹ tokens of 2 bytes, of which the last two are written.
        const long tokens = 1_100_000_000;
        using (var bin = File.Create(directory["d.bin"]))
        {
            bin.SetLength(tokens * 2);
            bin.Position = (tokens - 2) * 2;
            bin.Write([0x34, 0x12, 0x78, 0x56]);
        }

        File.WriteAllBytes(directory["d.idx"], Index(8, [500_000_000, 600_000_000], [0, 1_000_000_000], [0, 1, 2]));
        using var dataset = IndexedDataset.Open(directory["d"]);
        dataset.TokenCount.ShouldBe(tokens);
        Read(dataset, tokens - 3, 3).ShouldBe([0, 0x1234, 0x5678]);
    }

    [Fact]
    public void Reading_outside_the_stream_fails()
    {
        Write("d", TokenType.UInt16, [1, 2, 3]);

        using var dataset = IndexedDataset.Open(directory["d"]);
        Should.Throw<ArgumentOutOfRangeException>(() => Read(dataset, 2, 2));
        Should.Throw<ArgumentOutOfRangeException>(() => Read(dataset, -1, 1));
    }

    [Fact]
    public void A_closed_data_set_is_not_read()
    {
        Write("d", TokenType.UInt16, [1, 2, 3]);
        var dataset = IndexedDataset.Open(directory["d"]);
        dataset.Dispose();

        Should.Throw<ObjectDisposedException>(() => Read(dataset, 0, 1));
    }

    [Fact]
    public void Ids_outside_the_vocabulary_are_refused_when_read()
    {
        Write("d", TokenType.UInt16, [1, 2, 300, 4]);

        using var dataset = IndexedDataset.Open(directory["d"], vocabularySize: 300);
        Read(dataset, 0, 2).ShouldBe([1, 2]);
        Should.Throw<InvalidInputException>(() => Read(dataset, 1, 3)).Message
            .ShouldBe(
                $"{directory["d.bin"]}, document 0, token 2: expected an id from 0 to 299, found 300; use the tokenizer that the "
                    + "corpus was built with, or rebuild it");
    }

    [Fact]
    public void Negative_ids_are_refused_when_read()
    {
        File.WriteAllBytes(directory["d.bin"], [1, 0xFF]);
        File.WriteAllBytes(directory["d.idx"], Index(2, [2], [0], [0, 1]));

        using var dataset = IndexedDataset.Open(directory["d"]);
        Should.Throw<InvalidInputException>(() => Read(dataset, 0, 2)).Message.ShouldContain("token 1: expected an id from 0 to");
    }

    [Fact]
    public void Ids_that_need_64_bits_are_named_as_they_are()
    {
        File.WriteAllBytes(directory["d.bin"], [.. BitConverter.GetBytes(1L), .. BitConverter.GetBytes(5_000_000_000L)]);
        File.WriteAllBytes(directory["d.idx"], Index(5, [1, 1], [0, 8], [0, 1, 2]));

        using var dataset = IndexedDataset.Open(directory["d"]);
        Should.Throw<InvalidInputException>(() => dataset.RequireIdsBelow(100)).Message
            .ShouldContain("d.bin, document 1, token 1: expected an id from 0 to");
        Should.Throw<InvalidInputException>(() => dataset.FindMaxTokenId()).Message.ShouldContain("found 5000000000;");
    }

    [Fact]
    public void A_bad_id_is_found_in_its_document()
    {
        File.WriteAllBytes(directory["d.bin"], [1, 2, 3, 4, 5, 60, 7]);
        File.WriteAllBytes(directory["d.idx"], Index(1, [2, 1, 0, 3, 1], [0, 2, 3, 3, 6], [0, 2, 2, 4, 5]));

        using var dataset = IndexedDataset.Open(directory["d"]);
        dataset.RequireIdsBelow(61);
        Should.Throw<InvalidInputException>(() => dataset.RequireIdsBelow(60)).Message
            .ShouldContain("d.bin, document 2, token 5: expected an id from 0 to 59, found 60");
    }

    [Fact]
    public void Missing_files_are_named()
    {
        Should.Throw<InvalidInputException>(() => IndexedDataset.Open(directory["d"])).Message
            .ShouldStartWith($"{directory["d.idx"]}: does not exist; ");
        File.WriteAllBytes(directory["d.idx"], Index(1, [2], [0], [0, 1]));
        Should.Throw<InvalidInputException>(() => IndexedDataset.Open(directory["d"])).Message
            .ShouldStartWith($"{directory["d.bin"]}: does not exist; ");
    }

    public static TheoryData<string, byte[], string> DamagedIndexes => new()
    {
        { "empty", [], "expected a header of 34 bytes, found a file of 0" },
        { "magic", Change(0, (byte)'X'), "expected an index that starts with MMIDIDX, found other bytes" },
        { "version", Change(9, 2), "version: expected 1, found 2" },
        { "dtype", Change(17, 6), "dtype code: expected an integer type (1 to 5 or 8), found 6 (float64)" },
        { "unknown dtype", Change(17, 9), "dtype code: expected an integer type (1 to 5 or 8), found 9;" },
        { "cut", Valid()[..^1], "expected 82 bytes for 2 sequences and 2 documents, found 81" },
        { "long", [.. Valid(), 0], "expected 82 bytes for 2 sequences and 2 documents, found 83" },
        { "huge count", Change(25, 0x7F), "expected counts that fit the file, found 9151314442816847874 sequences" },
        { "negative count", Change(25, 0xFF), "expected counts that fit the file, found -" },
        {
            "no document entries", [.. Index(1, [], [], [])],
            "expected counts that fit the file, found 0 sequences and 0 document entries"
        },
        { "negative length", Index(1, [1, -2], [0, 1], [0, 1, 2]), "sequence 1: expected a length of 0 or more, found -2" },
        { "place", Index(1, [1, 2], [0, 2], [0, 1, 2]), "sequence 1: expected its place at byte 1, found 2" },
        { "first document", Index(1, [1, 2], [0, 1], [1, 1, 2]), "document 0: expected its start at sequence 0, found 1" },
        {
            "falling documents", Index(1, [1, 2], [0, 1], [0, 2, 1]),
            "document 2: expected its start from sequence 2 to 2, found 1"
        },
        {
            "documents beyond", Index(1, [1, 2], [0, 1], [0, 3, 3]),
            "document 1: expected its start from sequence 0 to 2, found 3"
        },
        { "uncovered", Index(1, [1, 2], [0, 1], [0, 0, 1]), "expected documents that cover all 2 sequences, found 1" },
    };

    [Theory]
    [MemberData(nameof(DamagedIndexes))]
    public void A_damaged_index_is_refused(string damage, byte[] index, string message)
    {
        File.WriteAllBytes(directory["d.idx"], index);
        File.WriteAllBytes(directory["d.bin"], [1, 2, 3]);

        var refusal = Should.Throw<InvalidInputException>(() => IndexedDataset.Open(directory["d"]), damage).Message;
        refusal.ShouldStartWith(directory["d.idx"]);
        refusal.ShouldContain(message);
        refusal.ShouldNotContain("\n");
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Tokens_of_another_length_are_refused(int bytes)
    {
        File.WriteAllBytes(directory["d.idx"], Valid());
        File.WriteAllBytes(directory["d.bin"], new byte[bytes]);

        Should.Throw<InvalidInputException>(() => IndexedDataset.Open(directory["d"])).Message
            .ShouldStartWith($"{directory["d.bin"]}: expected 3 bytes for 3 tokens of uint8, found {bytes}; ");
    }

    [Fact]
    public void Nothing_has_its_final_name_before_the_end()
    {
        using (var writer = new IndexedDatasetWriter(directory["d"], TokenType.UInt16))
        {
            writer.Append([1]);
            File.Exists(directory["d.bin"]).ShouldBeFalse();
        }

        Directory.GetFileSystemEntries(directory.Root).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(TokenType.UInt16, 65536)]
    [InlineData(TokenType.UInt16, -1)]
    [InlineData(TokenType.Int32, -1)]
    internal void Ids_that_do_not_fit_are_not_written(TokenType type, int id)
    {
        using var writer = new IndexedDatasetWriter(directory["d"], type);
        Should.Throw<ArgumentOutOfRangeException>(() => writer.Append([0, id]));
    }

    [Theory]
    [InlineData(65_499, TokenType.UInt16)]
    [InlineData(65_500, TokenType.Int32)]
    internal void Small_vocabularies_take_two_bytes(int vocabularySize, TokenType type) =>
        TokenTypes.For(vocabularySize).ShouldBe(type);

    private static int[] Read(IndexedDataset dataset, long offset, int count)
    {
        var ids = new int[count];
        dataset.Read(offset, ids);
        return ids;
    }

    /// <summary>Sequences of 1 and 2 tokens of one byte, each a document.</summary>
    private static byte[] Valid() => Index(1, [1, 2], [0, 1], [0, 1, 2]);

    private static byte[] Change(int offset, byte value)
    {
        var index = Valid();
        index[offset] = value;
        return index;
    }

    private static byte[] Index(byte code, int[] lengths, long[] pointers, long[] documents)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("MMIDIDX\0\0"u8);
        writer.Write(1L);
        writer.Write(code);
        writer.Write((long)lengths.Length);
        writer.Write((long)documents.Length);
        foreach (var length in lengths) writer.Write(length);
        foreach (var pointer in pointers) writer.Write(pointer);
        foreach (var document in documents) writer.Write(document);
        return stream.ToArray();
    }

    private void Write(string name, TokenType type, params int[][] documents)
    {
        using var writer = new IndexedDatasetWriter(directory[name], type);
        foreach (var document in documents) writer.Append(document);
        writer.Complete();
    }
}
