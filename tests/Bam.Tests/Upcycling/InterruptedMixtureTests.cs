using Bam.Checkpoints.Opening;
using Bam.Tests.Checkpoints;
using Bam.Tests.Files;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

public sealed class InterruptedMixtureTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly MixtureOptions options;

    public InterruptedMixtureTests()
    {
        options = new MixtureOptions
        {
            Seed = TinyModel.Write(directory["seed"], TinyModel.Dense, 1),
            Experts = [TinyModel.Write(directory["expert"], TinyModel.Dense, 2)],
        };
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Progress_counts_the_bytes_up_to_the_whole()
    {
        var reporter = new RecordingReporter();
        var plan = Upcycler.Mix("bam", options, directory["out/mixture"], reporter);
        reporter.Progress[^1].ShouldBe(new WorkProgress("mix bam", plan.ByteLength, plan.ByteLength, "bytes"));
        reporter.Progress.Select(progress => progress.Done).ShouldBeInOrder();
    }

    [Fact]
    public void Stopping_anywhere_leaves_nothing()
    {
        var whole = new RecordingReporter();
        var options = this.options with { ShardBytes = 700 };
        Upcycler.Mix("bam", options, directory["whole/mixture"], whole);
        foreach (var stop in whole.Progress.Select(progress => progress.Done).Where((_, i) => i % 5 == 0))
        {
            using var source = new CancellationTokenSource();
            var reporter = new RecordingReporter { OnAdvance = progress => { if (progress.Done >= stop) source.Cancel(); } };
            Should.Throw<OperationCanceledException>(
                () => Upcycler.Mix("bam", options, directory["out/mixture"], reporter, source.Token));
            Directory.GetFileSystemEntries(directory["out"]).ShouldBeEmpty();
        }
    }

    [Fact]
    public void A_failure_leaves_the_older_mixture_as_it_was()
    {
        Upcycler.Mix("bam", options, directory["out/mixture"], SilentReporter.Instance);
        var before = File.ReadAllBytes(directory["out/mixture/model.safetensors"]);
        var reporter = new RecordingReporter { OnAdvance = _ => throw new IOException("No space left on device : 'x'", 28) };
        Should.Throw<WorkFailedException>(() => Upcycler.Mix("btx", options, directory["out/mixture"], reporter))
            .Message.ShouldBe(
                $"{directory["out/mixture/model.safetensors"]}: cannot be written (the disk is full); no part of it was left "
                + "under that name");
        Directory.GetFileSystemEntries(directory["out"]).ShouldBe([directory["out/mixture"]]);
        File.ReadAllBytes(directory["out/mixture/model.safetensors"]).ShouldBe(before);
        Upcycler.Mix("btx", options, directory["out/mixture"], SilentReporter.Instance);
        Checkpoint.Open(directory["out/mixture"], SilentReporter.Instance).Dispose();
    }

    [SkippableFact]
    public void A_disk_too_small_is_refused_before_anything_is_written()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 4, out var whyNot);
        Skip.If(disk is null, whyNot);
        Should.Throw<WorkFailedException>(
            () => Upcycler.Mix("bam", options, Path.Combine(disk.Root, "mixture"), SilentReporter.Instance))
            .Message.ShouldMatch("mixture: [0-9,]+ bytes are to be written but .* has only [0-9,]+ free");
        Directory.GetFileSystemEntries(disk.Root).ShouldBeEmpty();
    }

    [SkippableFact]
    public void A_disk_that_fills_up_midway_leaves_nothing()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 4096, out var whyNot);
        Skip.If(disk is null, whyNot);
        var filled = Path.Combine(disk.Root, "filler");
        var config = TinyModel.Dense with { IntermediateSize = 500, NumHiddenLayers = 20 };
        var many = new MixtureOptions
        {
            Seed = TinyModel.Write(directory["large"], config, 1), Experts = [TinyModel.Write(directory["larger"], config, 2)],
        };
        var reporter = new RecordingReporter { OnAdvance = progress => { if (!File.Exists(filled)) Fill(filled); } };
        Should.Throw<WorkFailedException>(() => Upcycler.Mix("bam", many, Path.Combine(disk.Root, "mixture"), reporter))
            .Message.ShouldContain("(the disk is full)");
        Directory.GetFileSystemEntries(disk.Root).ShouldBe([filled]);
    }

    /// <summary>Takes all the space there is, as another program may.</summary>
    private static void Fill(string path)
    {
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true) stream.Write(new byte[4096]);
        }
        catch (IOException)
        {
        }
    }
}
