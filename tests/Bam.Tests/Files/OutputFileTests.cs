using Bam.Files;
using Microsoft.Win32.SafeHandles;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class OutputFileTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Threads_write_by_position_after_the_header()
    {
        var bytes = Enumerable.Range(0, 10_000).Select(i => (byte)(i * 7 >> 3)).ToArray();
        using (var file = new OutputFile(directory["x"], [1, 2, 3], bytes.Length + 3))
        {
            Parallel.For(0, 100, i => file.Write(bytes.AsSpan(i * 100, 100), 3 + (i * 100)));
            file.Complete();
        }

        File.ReadAllBytes(directory["x"]).ShouldBe([1, 2, 3, .. bytes]);
    }

    [Fact]
    public void Is_flushed_while_it_is_written()
    {
        var flushes = 0;
        using var file = Create(_ => Interlocked.Increment(ref flushes));
        file.Write(new byte[7], 0);
        file.Complete();
        flushes.ShouldBe(0);
        file.Write(new byte[1], 7);
        file.Complete();
        flushes.ShouldBe(1);
    }

    [Fact]
    public void One_flush_is_under_way_at_a_time()
    {
        using var isDone = new ManualResetEventSlim();
        var flushes = 0;
        using var file = Create(_ =>
        {
            Interlocked.Increment(ref flushes);
            isDone.Wait();
        });
        for (var i = 0; i < 3; i++) file.Write(new byte[8], 0);
        isDone.Set();
        file.Complete();
        file.Write([], 0); // what was written during the first
        file.Complete();
        flushes.ShouldBe(2);
    }

    [Fact]
    public void A_failed_flush_is_reported_with_the_file()
    {
        using var file = Create(_ => throw new IOException("Input/output error"));
        file.Write(new byte[8], 0);
        var expected = $"{directory["x"]}: cannot be written (Input/output error); no part of it was left under that name";
        Should.Throw<WorkFailedException>(file.Complete).Message.ShouldBe(expected);
        Should.Throw<WorkFailedException>(() => file.Guarded(() => file.Write(new byte[8], 0))).Message.ShouldBe(expected);
    }

    [SkippableFact]
    public void A_disk_that_is_too_small_for_the_header_leaves_the_file_closed()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 64, out var whyNot);
        Skip.If(disk is null, whyNot);
        var path = Path.Combine(disk.Root, "x");
        Should.Throw<WorkFailedException>(() => new OutputFile(path, new byte[100_000], 100_000))
            .Message.ShouldBe($"{path}: cannot be written (the disk is full); no part of it was left under that name");
        using var again = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None);
    }

    private OutputFile Create(Action<SafeFileHandle> flushToDisk) => new(directory["x"], [], 8, flushLength: 8, flushToDisk);
}
