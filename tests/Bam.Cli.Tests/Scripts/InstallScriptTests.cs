using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Scripts;

public sealed class InstallScriptTests : IDisposable
{
    private static readonly (string, string) OwnLibtorch = ("LIBTORCH", "/opt/libtorch");

    private readonly Sandbox sandbox = new();

    public void Dispose() => sandbox.Dispose();

    [Fact]
    public void The_installed_command_needs_no_clone()
    {
        Install().Status.ShouldBe(0);
        Directory.Delete(sandbox.Clone, recursive: true);
        var run = sandbox.Run(Installed("bin/bam"), ["inspect", "a b"]);
        run.Status.ShouldBe(0);
        run.Output.ShouldBe("ran inspect a b\n");
        Directory.GetFiles(Installed("lib/bam"), "recipe.yaml", SearchOption.AllDirectories).Length.ShouldBe(1);
    }

    [Fact]
    public void Machine_code_is_taken_along()
    {
        sandbox.Run("bam", ["setup", "--native"], OwnLibtorch).Status.ShouldBe(0);
        Install().Status.ShouldBe(0);
        Directory.Delete(sandbox.Clone, recursive: true);
        sandbox.Run(Installed("bin/bam"), ["inspect", "a b"]).Output.ShouldBe("ran inspect a b as machine code\n");
        sandbox.Run(Installed("bin/bam"), ["train", "a"]).Output.ShouldBe("ran train a\n");
    }

    [Fact]
    public void Without_a_prefix_it_goes_below_the_home_directory()
    {
        sandbox.Run("bam", ["install"], OwnLibtorch).Status.ShouldBe(0);
        File.Exists(Path.Combine(sandbox.Directory, ".local/bin/bam")).ShouldBeTrue();
    }

    [Fact]
    public void Installing_again_replaces_it_unless_it_runs()
    {
        Install();
        using var running = sandbox.Start(Installed("bin/bam"), ["inspect"], ("RUN_SECONDS", "600"));
        running.StandardOutput.ReadLine().ShouldBe("ran inspect");
        Install();
        Directory.GetDirectories(Installed("lib/bam")).Length.ShouldBe(2);
        running.Kill(entireProcessTree: true);
        running.WaitForExit();
        Install();
        Directory.GetDirectories(Installed("lib/bam")).Length.ShouldBe(1);
        Directory.GetFileSystemEntries(Installed("bin")).Length.ShouldBe(1);
    }

    [Fact]
    public void A_prefix_that_cannot_be_written_costs_one_line()
    {
        var run = sandbox.Run("bam", ["install", "--prefix", "/proc/bam"], OwnLibtorch);
        run.Status.ShouldBe(2);
        run.Error.ShouldEndWith("bam: /proc/bam cannot be written; choose another --prefix\n");
    }

    [Theory]
    [InlineData("unknown argument '--there'; try: bam install --help", "--there")]
    [InlineData("--prefix needs a directory; try: bam install --help", "--prefix")]
    public void A_wrong_request_costs_one_line(string line, params string[] arguments)
    {
        var run = sandbox.Run("bam", ["install", .. arguments], OwnLibtorch);
        run.Status.ShouldBe(2);
        run.Error.ShouldBe($"bam: {line}\n");
    }

    private CommandLineRun Install() => sandbox.Run("bam", ["install", "--prefix", Installed("")], OwnLibtorch);

    private string Installed(string path) => Path.Combine(sandbox.Directory, "prefix", path);
}
