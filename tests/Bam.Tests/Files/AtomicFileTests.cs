using System.Diagnostics;
using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private const int NoSpaceLeft = 28;

    /// <summary>The machine as it stands in temporary names.</summary>
    private static readonly string Machine = Environment.MachineName.Replace('.', '-');

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_file_appears_with_its_content_and_nothing_beside_it()
    {
        AtomicFile.WriteText(directory["a/b.json"], "é");
        File.ReadAllBytes(directory["a/b.json"]).ShouldBe([0xC3, 0xA9]);
        Directory.GetFileSystemEntries(directory["a"]).ShouldBe([directory["a/b.json"]]);
    }

    [Fact]
    public void The_final_name_does_not_exist_while_the_content_is_written()
    {
        AtomicFile.Write(directory["x"], stream =>
        {
            stream.Write("half"u8);
            stream.Flush();
            File.Exists(directory["x"]).ShouldBeFalse();
        });
        File.ReadAllText(directory["x"]).ShouldBe("half");
    }

    [Fact]
    public void A_full_disk_leaves_the_old_file_and_nothing_else()
    {
        File.WriteAllText(directory["x"], "old");
        var failure = Should.Throw<WorkFailedException>(() => AtomicFile.Write(directory["x"], stream =>
        {
            stream.Write(new byte[100_000]);
            throw new IOException("No space left on device : '/tmp/.x.tmp'", NoSpaceLeft);
        }));
        failure.Message.ShouldBe(
            $"{directory["x"]}: cannot be written (the disk is full); no part of it was left under that name");
        File.ReadAllText(directory["x"]).ShouldBe("old");
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["x"]]);
    }

    [Fact]
    public void A_name_that_cannot_be_synced_is_said_to_be_there()
    {
        var failure = Should.Throw<WorkFailedException>(
            () => AtomicFile.Write(
                directory["x"], stream => stream.Write("new"u8), _ => throw new IOException("Input/output error : '/'")));
        failure.Message.ShouldBe(
            $"{directory["x"]}: is whole, but a power failure may take away its name (Input/output error); check the disk, then "
                + "write it again");
        File.ReadAllText(directory["x"]).ShouldBe("new");
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["x"]]);
    }

    [Fact]
    public void Any_other_failure_is_thrown_on_and_leaves_nothing()
    {
        Should.Throw<OperationCanceledException>(
            () => AtomicFile.Write(directory["x"], _ => throw new OperationCanceledException()));
        Directory.GetFileSystemEntries(directory.Root).ShouldBeEmpty();
    }

    [Fact]
    public void Leftovers_of_killed_processes_are_removed_and_those_of_living_ones_stay()
    {
        using var other = Process.Start(new ProcessStartInfo("sleep", "60"))!;
        var living = directory[$".x.{Machine}.{other.Id}.1.tmp"];
        File.WriteAllText(living, "");
        var otherName = directory[$".xy.{Machine}.{NoProcess}.1.tmp"];
        File.WriteAllText(otherName, "");
        File.WriteAllText(directory[$".x.{Machine}.{NoProcess}.1.tmp"], "half");
        AtomicFile.WriteText(directory["x"], "new");
        other.Kill();
        Directory.GetFileSystemEntries(directory.Root).Order(StringComparer.Ordinal)
            .ShouldBe(new[] { living, otherName, directory["x"] }.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Two_threads_may_write_the_same_name()
    {
        Parallel.For(0, 32, i => AtomicFile.WriteText(directory["x"], new string((char)('a' + (i % 26)), 5000)));
        File.ReadAllText(directory["x"]).Distinct().Count().ShouldBe(1);
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["x"]]);
    }

    [Fact]
    public void A_symbolic_link_is_followed()
    {
        File.WriteAllText(directory["real"], "old");
        File.CreateSymbolicLink(directory["link"], directory["real"]);
        AtomicFile.WriteText(directory["link"], "new");
        new FileInfo(directory["link"]).LinkTarget.ShouldNotBeNull();
        File.ReadAllText(directory["real"]).ShouldBe("new");
    }

    [Fact]
    public void Directories_and_devices_are_refused()
    {
        Should.Throw<InvalidInputException>(() => AtomicFile.WriteText(directory.Root, "")).Message
            .ShouldContain("expected a file to write, found a directory");
        Should.Throw<InvalidInputException>(() => AtomicFile.WriteText("/dev/null", "")).Message.ShouldContain("found a device");
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_the_work_that_failed()
    {
        File.WriteAllText(directory["file"], "");
        Should.Throw<WorkFailedException>(() => AtomicFile.WriteText(directory["file/x"], "")).Message
            .ShouldStartWith($"{directory["file/x"]}: cannot be written (");
    }

    /// <summary>Above the largest process id of Linux (2²²).</summary>
    private const int NoProcess = 5_000_000;
}
