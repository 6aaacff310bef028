using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Bam.Data.Building;
using Bam.Data.Text;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Building;

public class HeldOutSplitTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_key_of_a_long_text_is_that_of_its_bytes(int shift)
    {
        var text = string.Concat(
            new string('a', shift), string.Concat(Enumerable.Repeat("\U0001F600", 5000)), "\ud800", RandomText.Words(9000, "é"));
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes($"7:text:{text}"));

        HeldOutSplit.Hash(7, TextDocument.Of(new("a.txt", 0), text, group: null))
            .ShouldBe(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
    }

    [Fact]
    public void Slices_of_a_document_have_the_key_of_its_name()
    {
        var bytes = SHA256.HashData("7:group:book"u8);

        HeldOutSplit.Hash(7, TextDocument.Of(new("a.jsonl", 1), "text", "book"))
            .ShouldBe(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
    }
}
