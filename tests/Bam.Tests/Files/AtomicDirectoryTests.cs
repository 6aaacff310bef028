using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class AtomicDirectoryTests : IDisposable
{
    private static readonly OwnFiles Anything = new("anything", _ => true, _ => true);
    /// <summary>The machine as it stands in temporary names.</summary>
    private static readonly string Machine = Environment.MachineName.Replace('.', '-');

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_directory_appears_on_commit()
    {
        using (var atomic = new AtomicDirectory(directory["parent/model"], OwnFiles.None))
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
        using (var atomic = new AtomicDirectory(directory["model"], OwnFiles.None))
            File.WriteAllText(Path.Combine(atomic.TemporaryPath, "file"), "half");
        Directory.GetFileSystemEntries(directory.Root).ShouldBeEmpty();
    }

    [Fact]
    public void A_name_that_cannot_be_synced_is_said_to_be_there()
    {
        Action<string> syncNames = _ => throw new IOException("Input/output error : '/'");
        using (var atomic = new AtomicDirectory(directory["model"], OwnFiles.None) { SyncNames = syncNames })
        {
            Should.Throw<WorkFailedException>(atomic.Commit).Message
                .ShouldBe(
                    $"{directory["model"]}: is whole, but a power failure may take away its name (Input/output error); check the "
                        + "disk, then write it again");
        }

        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["model"]]);
    }

    [Fact]
    public void An_existing_directory_is_replaced_as_a_whole()
    {
        Directory.CreateDirectory(directory["model"]);
        File.WriteAllText(directory["model/old"], "");
        using (var atomic = new AtomicDirectory(directory["model"] + "/", Anything))
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
        using (var atomic = new AtomicDirectory(directory["model"], OwnFiles.None))
        {
            File.WriteAllText(Path.Combine(atomic.TemporaryPath, "new"), "");
            atomic.Commit();
        }

        new DirectoryInfo(directory["model"]).LinkTarget.ShouldNotBeNull();
        File.Exists(directory["disk/model/new"]).ShouldBeTrue();
    }

    [Fact]
    public async Task Links_and_pipes_inside_are_kept_and_not_opened()
    {
        using var atomic = new AtomicDirectory(directory["files"], OwnFiles.None);
        Directory.CreateDirectory(directory["elsewhere"]);
        File.CreateSymbolicLink(directory["elsewhere/dangling"], directory["nothing"]);
        var inside = Directory.CreateDirectory(Path.Combine(atomic.TemporaryPath, "sub")).FullName;
        File.CreateSymbolicLink(Path.Combine(inside, "dangling"), directory["nothing"]);
        Directory.CreateSymbolicLink(Path.Combine(inside, "loop"), ".");
        Directory.CreateSymbolicLink(Path.Combine(inside, "folder"), directory["elsewhere"]);
        System.Diagnostics.Process.Start("mkfifo", [Path.Combine(inside, "pipe")]).WaitForExit();

        // Opening a pipe would block.
        await Task.Run(atomic.Commit).WaitAsync(TimeSpan.FromMinutes(1));

        Directory.GetFileSystemEntries(directory["files/sub"]).Select(Path.GetFileName)
            .ShouldBe(["dangling", "loop", "folder", "pipe"], ignoreOrder: true);
        new DirectoryInfo(directory["files/sub/folder"]).LinkTarget.ShouldBe(directory["elsewhere"]);
    }

    [Fact]
    public void Messages_about_files_inside_show_the_final_name()
    {
        using var atomic = new AtomicDirectory(directory["v1.2"], OwnFiles.None);
        var inside = Path.Combine(atomic.TemporaryPath, "config.json");
        Should.Throw<WorkFailedException>(() => AtomicFile.Write(inside, _ => throw new IOException("", 28)))
            .Message.ShouldBe(
                $"{directory["v1.2/config.json"]}: cannot be written (the disk is full); no part of it was left under that name");
        Should.Throw<WorkFailedException>(() => FreeSpace.Require(inside, long.MaxValue)).Message
            .ShouldContain($"but {directory["v1.2"]} has only");
    }

    [Fact]
    public void Leftovers_of_a_killed_process_are_removed()
    {
        Directory.CreateDirectory(directory[$".model.{Machine}.5000000.1.tmp/sub"]);
        new AtomicDirectory(directory["model"], OwnFiles.None).Dispose();
        Directory.GetFileSystemEntries(directory.Root).ShouldBeEmpty();
    }

    [Fact]
    public void Where_names_cannot_be_exchanged_two_renames_replace_the_old_directory()
    {
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(directory["model"]).FullName, "old"), "");
        using (var atomic = new AtomicDirectory(directory["model"], Anything) { CanExchange = false })
        {
            File.WriteAllText(Path.Combine(atomic.TemporaryPath, "new"), "");
            atomic.Commit();
        }

        Directory.GetFileSystemEntries(directory["model"]).ShouldBe([directory["model/new"]]);
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["model"]]);
    }

    [Fact]
    public void A_process_killed_between_the_two_renames_loses_nothing()
    {
        Directory.CreateDirectory(directory[$".model.{Machine}.5000000.1.tmp"]);
        File.WriteAllText(
            Path.Combine(Directory.CreateDirectory(directory[$".model.{Machine}.5000000.2.old"]).FullName, "old"), "");
        new AtomicDirectory(directory["model"], OwnFiles.None).Dispose();
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["model"]]);
        File.Exists(directory["model/old"]).ShouldBeTrue();
        Directory.Move(directory["model"], directory[$".model.{Machine}.5000000.2.old"]);
        Directory.CreateDirectory(directory["model"]);
        new AtomicDirectory(directory["model"], OwnFiles.None).Dispose();
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["model"]]);
        Directory.GetFileSystemEntries(directory["model"]).ShouldBeEmpty();
    }

    [Fact]
    public void What_a_user_puts_there_meanwhile_stays()
    {
        var own = new OwnFiles("an older one", name => name == "own", _ => true);
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(directory["model"]).FullName, "own"), "");
        using (var atomic = new AtomicDirectory(directory["model"], own))
        {
            File.WriteAllText(directory["model/notes.md"], "precious");
            Should.Throw<InvalidInputException>(atomic.Commit).Message.ShouldBe(
                $"{directory["model"]}: expected a new or empty directory, or an older one, found one with notes.md; "
                    + "choose another");
        }

        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory["model"]]);
        File.ReadAllText(directory["model/notes.md"]).ShouldBe("precious");
    }

    [Theory]
    [InlineData("n", 255)]
    [InlineData("é", 127)]
    [InlineData("本", 85)]
    [InlineData("n", 200)]
    public void Names_of_up_to_255_bytes_are_written_shown_and_cleared_away(string letter, int count)
    {
        var name = string.Concat(Enumerable.Repeat(letter, count));
        using (var atomic = new AtomicDirectory(directory[name], OwnFiles.None))
        {
            Should.Throw<WorkFailedException>(
                () => AtomicFile.Write(Path.Combine(atomic.TemporaryPath, name), _ => throw new IOException("", 28)))
                .Message.ShouldStartWith($"{directory[name]}/{name}: cannot be written");
            AtomicFile.WriteText(Path.Combine(atomic.TemporaryPath, name), "whole");
            atomic.Commit();
        }

        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory[name]]);
        Directory.GetFileSystemEntries(directory[name]).ShouldBe([directory[$"{name}/{name}"]]);
        var left = Path.GetFileName(TemporarySibling.NameFor(directory[name]))
            .Replace($".{Environment.ProcessId}.", ".5000000.", StringComparison.Ordinal);
        Directory.CreateDirectory(directory[left]);
        TemporarySibling.RemoveLeftovers(directory[name]);
        Directory.GetFileSystemEntries(directory.Root).ShouldBe([directory[name]]);
    }

    [Fact]
    public void A_file_of_that_name_and_the_root_are_refused()
    {
        File.WriteAllText(directory["file"], "");
        Should.Throw<InvalidInputException>(() => new AtomicDirectory(directory["file"], OwnFiles.None)).Message
            .ShouldContain("expected a directory to write, found a file");
        Should.Throw<InvalidInputException>(() => new AtomicDirectory("/", Anything)).Message
            .ShouldContain("the root of the file system");
        Should.Throw<WorkFailedException>(() => new AtomicDirectory(directory["file/model"], OwnFiles.None)).Message
            .ShouldContain("cannot be created");
    }
}
