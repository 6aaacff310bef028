using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class OutputFileTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Is_flushed_while_it_is_written()
    {
        var flushes = 0;
        using var file = new OutputFile(directory["x"], 8, _ => Interlocked.Increment(ref flushes));
        file.CountWritten(OutputFile.FlushLength - 1);
        file.Complete();
        flushes.ShouldBe(0);
        file.CountWritten(1);
        file.Complete();
        flushes.ShouldBe(1);
    }

    [Fact]
    public void One_flush_is_under_way_at_a_time()
    {
        using var isDone = new ManualResetEventSlim();
        var flushes = 0;
        using var file = new OutputFile(directory["x"], 8, _ =>
        {
            Interlocked.Increment(ref flushes);
            isDone.Wait();
        });
        for (var i = 0; i < 3; i++) file.CountWritten(OutputFile.FlushLength);
        isDone.Set();
        file.Complete();
        file.CountWritten(0); // what was written during the first
        file.Complete();
        flushes.ShouldBe(2);
    }

    [Fact]
    public void A_failed_flush_is_reported_with_the_file()
    {
        var path = directory["x"];
        using var file = new OutputFile(path, 8, _ => throw new IOException("Input/output error"));
        file.CountWritten(OutputFile.FlushLength);
        var expected = $"{path}: cannot be written (Input/output error); no part of it was left under that name";
        Should.Throw<WorkFailedException>(file.Complete).Message.ShouldBe(expected);
        Should.Throw<WorkFailedException>(() => file.Guarded(() => file.CountWritten(OutputFile.FlushLength)))
            .Message.ShouldBe(expected);
    }
}
