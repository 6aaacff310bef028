using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class KernelCopyTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void What_is_copied_lies_where_it_should_and_the_rest_stays()
    {
        var bytes = Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7 >> 3)).ToArray();
        File.WriteAllBytes(directory["source"], bytes);
        File.WriteAllBytes(directory["target"], new byte[100_000]);
        Copy(1234, 77, 50_000).ShouldBe(50_000);
        var found = File.ReadAllBytes(directory["target"]);
        found[77..50_077].ShouldBe(bytes[1234..51_234]);
        found[..77].ShouldAllBe(value => value == 0);
        found[50_077..].ShouldAllBe(value => value == 0);
    }

    [Fact]
    public void What_the_kernel_cannot_copy_is_left_to_the_caller()
    {
        File.WriteAllBytes(directory["source"], new byte[100]);
        File.WriteAllBytes(directory["target"], []);
        Copy(60, 0, 100).ShouldBe(40);
        using var source = File.OpenHandle(directory["source"]);
        using var readOnly = File.OpenHandle(directory["target"]);
        KernelCopy.Copy(source, 0, readOnly, 0, 10).ShouldBe(0);
    }

    [SkippableFact]
    public void A_full_disk_is_said()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 64, out var whyNot);
        Skip.If(disk is null, whyNot);
        File.WriteAllBytes(Path.Combine(disk.Root, "source"), new byte[40_000]);
        using var source = File.OpenHandle(Path.Combine(disk.Root, "source"));
        using var target = File.OpenHandle(Path.Combine(disk.Root, "target"), FileMode.CreateNew, FileAccess.Write);
        Should.Throw<IOException>(() =>
        {
            for (var position = 0L; position < 200_000; position += 40_000) KernelCopy.Copy(source, 0, target, position, 40_000);
        }).HResult.ShouldBe(28);
    }

    private long Copy(long from, long to, long length)
    {
        using var source = File.OpenHandle(directory["source"]);
        using var target = File.OpenHandle(directory["target"], FileMode.Open, FileAccess.Write);
        return KernelCopy.Copy(source, from, target, to, length);
    }
}
