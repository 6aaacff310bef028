using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class AtomicDirectoryTests : IDisposable
{
    /// <summary>The machine as it stands in temporary names.</summary>
    private static readonly string Machine = Environment.MachineName.Replace('.', '-');

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_directory_appears_on_commit()
    {
        using (var atomic = new AtomicDirectory(directory["parent/model"]))
        {
            Directory.CreateDirectory(Path.Combine(atomic.TemporaryPath, "sub"));
            File.WriteAllText(Path.Combine(atomic.TemporaryPath, "sub", "file"), "content");
            Directory.Exists(directory["parent/model"]).ShouldBeFalse();
            atomic.Commit();
        }

        File.ReadAllText(directory["parent/model/sub/file"]).ShouldBe("content");
        Directory.GetFileSystemEntries(directory["parent"]).ShouldBe([directory["parent/model"]]);
    }

    [Fact]
    public void Without_commit_nothing_is_left()
    {
        using (var atomic = new AtomicDirectory(directory["model"])) File.WriteAllText(Path.Combine(atomic.TemporaryPath, "file"), "half");
        Directory.GetFileSystemEntries(directory.Root).ShouldBeEmpty();
    }

    [Fact]
    public void An_existing_directory_is_replaced_as_a_whole()
    {
        Directory.CreateDirectory(directory["model"]);
        File.WriteAllText(directory["model/old"], "");
        using (var atomic = new AtomicDirectory(directory["model"] + "/"))
        {
            File.WriteAllText(Path.Combine(atomic.TemporaryPath, "new"), "");
            File.Exists(directory["model/old"]).ShouldBeTrue();
            atomic.Commit();
        }

        Directory.GetFileSystemEntries(directory["model"]).ShouldBe([directory["model/new"]]);
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["model"]]);
    }

    [Fact]
    public void A_link_to_a_directory_stays_a_link()
    {
        Directory.CreateDirectory(directory["disk/model"]);
        Directory.CreateSymbolicLink(directory["model"], directory["disk/model"]);
        using (var atomic = new AtomicDirectory(directory["model"]))
        {
            File.WriteAllText(Path.Combine(atomic.TemporaryPath, "new"), "");
            atomic.Commit();
        }

        new DirectoryInfo(directory["model"]).LinkTarget.ShouldNotBeNull();
        File.Exists(directory["disk/model/new"]).ShouldBeTrue();
    }

    [Fact]
    public void Messages_about_files_inside_show_the_final_name()
    {
        using var atomic = new AtomicDirectory(directory["v1.2"]);
        var inside = Path.Combine(atomic.TemporaryPath, "config.json");
        Should.Throw<WorkFailedException>(() => AtomicFile.Write(inside, _ => throw new IOException("", 28)))
            .Message.ShouldBe($"{directory["v1.2/config.json"]}: cannot be written (the disk is full); no part of it was left under that name");
        Should.Throw<WorkFailedException>(() => FreeSpace.Require(inside, long.MaxValue)).Message.ShouldContain($"but {directory["v1.2"]} has only");
    }

    [Fact]
    public void Leftovers_of_a_killed_process_are_removed()
    {
        Directory.CreateDirectory(directory[$".model.{Machine}.5000000.1.tmp/sub"]);
        new AtomicDirectory(directory["model"]).Dispose();
        Directory.GetFileSystemEntries(directory.Root).ShouldBeEmpty();
    }

    [Fact]
    public void A_file_of_that_name_and_the_root_are_refused()
    {
        File.WriteAllText(directory["file"], "");
        Should.Throw<InvalidInputException>(() => new AtomicDirectory(directory["file"])).Message.ShouldContain("expected a directory to write, found a file");
        Should.Throw<InvalidInputException>(() => new AtomicDirectory("/")).Message.ShouldContain("the root of the file system");
        Should.Throw<WorkFailedException>(() => new AtomicDirectory(directory["file/model"])).Message.ShouldContain("cannot be created");
    }
}
