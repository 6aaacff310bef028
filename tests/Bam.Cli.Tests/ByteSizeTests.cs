using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("5GB", 5_000_000_000)]
    [InlineData("5G", 5_000_000_000)]
    [InlineData("1.5 MB", 1_500_000)]
    [InlineData("2GiB", 2_147_483_648)]
    [InlineData("10kb", 0)]
    [InlineData("10kB", 10_000)]
    [InlineData("10KB", 10_000)]
    [InlineData("7", 7)]
    [InlineData("7B", 7)]
    [InlineData("7iB", 0)]
    [InlineData("0", 0)]
    [InlineData("-1GB", 0)]
    [InlineData("0.5", 0)]
    [InlineData("GB", 0)]
    [InlineData("", 0)]
    [InlineData("B", 0)]
    [InlineData("1e30", 0)]
    [InlineData("99999999999999999999TB", 0)]
    public void A_size_is_what_people_write(string text, long bytes)
    {
        if (bytes > 0) ByteSize.Parse("--shard-size", text).ShouldBe(bytes);
        else Should.Throw<InvalidInputException>(() => ByteSize.Parse("--shard-size", text))
            .Message.ShouldContain($"found {text}; correct it");
    }
}
