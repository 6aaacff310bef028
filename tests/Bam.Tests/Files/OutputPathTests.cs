using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class OutputPathTests : IDisposable
{
    private static readonly OwnFiles Anything = new("anything", _ => true, _ => true);
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void The_current_directory_and_those_around_it_are_not_replaced()
    {
        var own = new OwnFiles("anything", _ => false, _ => true);
        Directory.CreateSymbolicLink(directory["here"], Environment.CurrentDirectory);
        foreach (var output in new[] { ".", directory["here"] })
            Refused(output, Anything).ShouldBe(
                $"{output}: is or contains the current directory, and Bam would replace it; name a new directory");
        Refused("..", own).ShouldContain(" with ");
        Refused("..", Anything).ShouldContain("or contains the current directory");
    }

    [Fact]
    public void Links_in_a_circle_are_refused_and_one_to_nothing_is_followed()
    {
        File.CreateSymbolicLink(directory["a"], "b");
        File.CreateSymbolicLink(directory["b"], "a");
        Refused(directory["a/out"], OwnFiles.None).ShouldBe(
            $"{directory["a/out"]}: leads through symbolic links in a circle; choose another path");
        File.CreateSymbolicLink(directory["dangling"], "elsewhere/new");
        OutputPath.RequireDirectory(directory["dangling"], OwnFiles.None, []);
        RealPath.Of(directory["dangling"]).ShouldBe(RealPath.Of(directory["elsewhere/new"]));
        Should.Throw<InvalidInputException>(
            () => OutputPath.RequireDirectory(directory["dangling"], OwnFiles.None, [directory["elsewhere/new"]]))
            .Message.ShouldContain("is the input");
    }

    [Fact]
    public void A_directory_around_an_input_is_refused_though_all_in_it_is_own()
    {
        File.WriteAllText(directory["own"], "");
        var own = new OwnFiles("an older one", name => name == "own", _ => true);
        OutputPath.RequireDirectory(directory.Root, own, []);
        Should.Throw<InvalidInputException>(() => OutputPath.RequireDirectory(directory.Root, own, [directory["own"]]))
            .Message.ShouldBe($"{directory.Root}: holds the input {directory["own"]}; choose another output");
    }

    [Fact]
    public void Files_that_an_input_links_to_are_inputs_and_linked_folders_are_none()
    {
        Directory.CreateDirectory(directory["store"]);
        Directory.CreateDirectory(directory["model"]);
        File.WriteAllText(directory["store/blob"], "");
        File.CreateSymbolicLink(directory["model/model.safetensors"], "../store/blob");
        Directory.CreateDirectory(directory["elsewhere"]);
        Directory.CreateSymbolicLink(directory["model/runs"], "../elsewhere");
        File.CreateSymbolicLink(directory["model/dangling"], "nothing");
        Should.Throw<InvalidInputException>(() => OutputPath.RequireWorkplace(directory["store"], [directory["model"]]))
            .Message.ShouldBe(
                $"{directory["store"]}: holds the input {directory["model/model.safetensors"]}; choose another output");
        OutputPath.RequireWorkplace(directory["store/run"], [directory["model"]]);
        OutputPath.RequireWorkplace(directory["elsewhere/run"], [directory["model"]]);
    }

    [Fact]
    public void A_name_that_no_file_can_have_is_refused()
    {
        var name = new string('n', 256);
        Refused(directory[$"{name}/out"], OwnFiles.None).ShouldBe(
            $"{directory[$"{name}/out"]}: expected names of at most 255 bytes, found one of 256, {name}; shorten it");
        Refused(directory[string.Concat(Enumerable.Repeat("本", 86))], OwnFiles.None).ShouldContain("found one of 258");
    }

    [SkippableFact]
    public void A_folder_that_cannot_be_written_is_found_before_the_work()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 64, out var whyNot);
        Skip.If(disk is null, whyNot);
        disk.MakeReadOnly();
        var output = Path.Combine(disk.Root, "new/x");
        var expected =
            $"{output}: cannot be created (read-only file system); make {disk.Root} writable or choose another output";
        Should.Throw<WorkFailedException>(() => OutputPath.RequireFile(output, "an older one", _ => true, []))
            .Message.ShouldBe(expected);
        Should.Throw<WorkFailedException>(() => OutputPath.RequireDirectory(output, OwnFiles.None, []))
            .Message.ShouldBe(expected);
    }

    [Fact]
    public void A_file_is_no_folder_to_write_in()
    {
        File.WriteAllText(directory["file"], "");
        foreach (var output in new[] { directory["file/x"], directory["file/new/x"] })
        {
            var expected = $"{output}: expected a path in a directory, found one in the file {directory["file"]}; "
                + "choose another output";
            Should.Throw<InvalidInputException>(() => OutputPath.RequireFile(output, "an older one", _ => true, []))
                .Message.ShouldBe(expected);
            Refused(output, OwnFiles.None).ShouldBe(expected);
        }
    }

    [SkippableFact]
    public void A_folder_of_someone_else_is_found_before_the_work()
    {
        Skip.If(Environment.IsPrivilegedProcess, "root may write everywhere");
        Should.Throw<WorkFailedException>(() => OutputPath.RequireFile("/usr/x", "an older one", _ => true, []))
            .Message.ShouldBe("/usr/x: cannot be created (permission denied); make /usr writable or choose another output");
    }

    private static string Refused(string output, OwnFiles own) =>
        Should.Throw<InvalidInputException>(() => OutputPath.RequireDirectory(output, own, [])).Message;
}
