using Bam.Checkpoints.Safetensors;
using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class FullDiskTests
{
    [SkippableFact]
    public void A_disk_that_fills_up_leaves_nothing_and_says_so()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 64, out var whyNot);
        Skip.If(disk is null, whyNot);
        var path = Path.Combine(disk.Root, "x");
        Should.Throw<WorkFailedException>(() => AtomicFile.Write(path, stream => stream.Write(new byte[200_000])))
            .Message.ShouldBe($"{path}: cannot be written (the disk is full); no part of it was left under that name");
        Directory.GetFileSystemEntries(disk.Root).ShouldBeEmpty();
    }

    [SkippableFact]
    public void What_cannot_fit_is_not_begun()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 64, out var whyNot);
        Skip.If(disk is null, whyNot);
        var path = Path.Combine(disk.Root, "x.safetensors");
        var begun = false;
        Should.Throw<WorkFailedException>(
            () => SafetensorsWriter.Write(path, [new("w", TensorDtype.Float32, [100_000])], (_, _) => begun = true))
            .Message.ShouldMatch("bytes are to be written but .* has only [0-9,]+ free");
        begun.ShouldBeFalse();
    }
}
