using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Scripts;

public sealed class BamScriptTests : IDisposable
{
    private static readonly (string, string) OwnLibtorch = ("LIBTORCH", "/opt/libtorch");

    private readonly Sandbox sandbox = new();

    public void Dispose() => sandbox.Dispose();

    [Fact]
    public void The_first_use_builds_and_the_second_does_not()
    {
        var first = sandbox.Run("bam", ["inspect", "a b"]);
        first.Status.ShouldBe(0);
        first.Output.ShouldBe("ran inspect a b\n");
        first.Error.ShouldStartWith("bam: building Bam\nbam: building done in ");
        var second = sandbox.Run("bam", ["inspect"]);
        second.Error.ShouldBeEmpty();
        Builds().ShouldBe(1);
    }

    [Fact]
    public void A_newer_source_a_new_file_and_a_deleted_one_each_build_again()
    {
        var source = Path.Combine(sandbox.Clone, "src/Bam/A.cs");
        sandbox.Run("bam", ["inspect"]);
        File.AppendAllText(source, "changed");
        sandbox.Run("bam", ["inspect"]);
        Builds().ShouldBe(2);
        File.WriteAllText(Path.Combine(sandbox.Clone, "src/Bam/B.cs"), "");
        sandbox.Run("bam", ["inspect"]);
        Builds().ShouldBe(3);
        File.Delete(source);
        sandbox.Run("bam", ["inspect"]);
        Builds().ShouldBe(4);
    }

    [Fact]
    public void Another_libtorch_builds_again()
    {
        sandbox.Run("bam", ["train", "a.yaml"], OwnLibtorch);
        sandbox.Run("bam", ["train", "a.yaml"], OwnLibtorch);
        Builds().ShouldBe(1);
        sandbox.Run("bam", ["train", "a.yaml"], ("LIBTORCH", "/opt/libtorch-2"));
        Builds().ShouldBe(2);
    }

    [Fact]
    public void Machine_code_runs_what_it_is_for_until_a_source_changes()
    {
        var setup = sandbox.Run("bam", ["setup", "--native"], OwnLibtorch);
        setup.Status.ShouldBe(0);
        setup.Error.ShouldContain("bam: compiling Bam to machine code");
        Output("inspect", "a b").ShouldBe("ran inspect a b as machine code\n");
        Output("--version").ShouldBe("bam as machine code\n");
        Output("mix", "bam", "--seed", "a").ShouldBe("ran mix bam --seed a as machine code\n");
        Output("mix", "bam", "--router-text", "a").ShouldBe("ran mix bam --router-text a\n");
        Output("inspect", "--json", "a").ShouldBe("ran inspect --json a\n");
        Output("mix", "bam", "--json=true").ShouldBe("ran mix bam --json=true\n");
        Output("--version", "train").ShouldNotContain("machine code");
        Output("inspect a").ShouldBe("ran inspect a\n");
        Output("train", "inspect").ShouldBe("ran train inspect\n");
        sandbox.Run("bam", ["setup", "--native"], OwnLibtorch).Error.ShouldBeEmpty();
        File.AppendAllText(Path.Combine(sandbox.Clone, "src/Bam/A.cs"), "changed");
        Output("inspect", "a b").ShouldBe("ran inspect a b\n");

        string Output(params string[] arguments) => sandbox.Run("bam", arguments, OwnLibtorch).Output;
    }

    [Theory]
    [InlineData("2>&-", "2")]
    [InlineData("<&-", "0")]
    [InlineData(">&-", "1")]
    [InlineData(">&- <&-", "0 1")]
    [InlineData("<&- >&- 2>&-", "0 1 2")]
    public void Closed_descriptors_are_opened(string closing, string closed)
    {
        var found = Path.Combine(sandbox.Directory, "found");
        sandbox.Run("bam", ["inspect", "a"], OwnLibtorch).Status.ShouldBe(0);
        sandbox.AddTool("dotnet", $"for i in {closed}; do readlink /proc/$$/fd/$i >>'{found}'; done");
        sandbox.Run("/bin/bash", ["-c", $"clone/bam inspect a {closing}"], OwnLibtorch);
        File.ReadAllLines(found).ShouldBe(closed.Split(' ').Select(_ => "/dev/null"));
    }

    [Fact]
    public void Machine_code_that_cannot_be_made_leaves_the_runtime()
    {
        sandbox.Run("bam", ["setup", "--native"], OwnLibtorch, ("NATIVE_FAILS", "1")).Status.ShouldBe(1);
        Directory.GetFileSystemEntries(Path.Combine(sandbox.Clone, "artifacts/cli"), "*native", SearchOption.AllDirectories)
            .ShouldBeEmpty();
        sandbox.Run("bam", ["inspect", "a"], OwnLibtorch).Output.ShouldBe("ran inspect a\n");
        sandbox.Run("bam", ["setup", "--native", "now"], OwnLibtorch).Error
            .ShouldBe("bam: unknown argument 'now'; try: bam setup --help\n");
    }

    [Fact]
    public void First_uses_at_the_same_time_build_once()
    {
        using var first = sandbox.Start("bam", ["inspect"], ("PUBLISH_SECONDS", "1"));
        using var second = sandbox.Start("bam", ["inspect"], ("PUBLISH_SECONDS", "1"));
        CommandLineRun[] runs = [Sandbox.Wait(first), Sandbox.Wait(second)];
        runs.ShouldAllBe(run => run.Status == 0 && run.Output == "ran inspect\n");
        runs.Count(run => run.Error.Contains("waiting for another build")).ShouldBe(1);
        Builds().ShouldBe(1);
    }

    [Fact]
    public void A_build_that_is_in_use_outlives_newer_ones()
    {
        var source = Path.Combine(sandbox.Clone, "src/Bam/A.cs");
        sandbox.Run("bam", ["inspect"]);
        var used = BuildDirectories().Single();
        using var running = sandbox.Start("bam", ["inspect"], ("RUN_SECONDS", "600"));
        running.StandardOutput.ReadLine().ShouldBe("ran inspect");
        for (var i = 0; i < 3; i++)
        {
            File.AppendAllText(source, "changed");
            sandbox.Run("bam", ["inspect"]).Status.ShouldBe(0);
        }

        BuildDirectories().Length.ShouldBe(3);
        BuildDirectories().ShouldContain(used);
        running.Kill(entireProcessTree: true);
        running.WaitForExit();
        File.AppendAllText(source, "changed");
        sandbox.Run("bam", ["inspect"]);
        BuildDirectories().Length.ShouldBe(2);
        BuildDirectories().ShouldNotContain(used);
    }

    [Fact]
    public void A_build_that_fails_says_why_and_ends_with_1()
    {
        sandbox.AddTool("dotnet", "[[ $1 == --version ]] && exit; echo '/a.cs(1,2): error CS1002: ; expected'; exit 1");
        var run = sandbox.Run("bam", ["inspect"]);
        run.Status.ShouldBe(1);
        run.Error.ShouldContain("error CS1002: ; expected\nbam: building failed after ");
        run.Error.ShouldContain("artifacts/building.log");
    }

    [Fact]
    public void The_bridge_joins_a_build_when_a_verb_computes()
    {
        sandbox.Run("bam", ["inspect"], OwnLibtorch);
        sandbox.Calls.ShouldNotContain(call => call.StartsWith("dotnet msbuild"));
        var run = sandbox.Run("bam", ["train", "a.yaml"], OwnLibtorch);
        run.Output.ShouldBe("ran train a.yaml\n");
        run.Error.ShouldStartWith("bam: compiling the bridge to libtorch\nbam: compiling done in ");
        Builds().ShouldBe(1);
        File.Exists(Path.Combine(BuildDirectories().Single(), "libbam_torch.so")).ShouldBeTrue();
        File.Exists(Path.Combine(BuildDirectories().Single(), "unused/libzmq.so.5")).ShouldBeTrue();
        sandbox.Run("bam", ["train", "a.yaml"], OwnLibtorch).Error.ShouldBeEmpty();
    }

    [Fact]
    public void Unpacked_libraries_are_searched_by_the_loader()
    {
        sandbox.AddTool(
            "dotnet",
            """
            case $1 in
              publish) mkdir -p "$PUBLISHED" && touch "$PUBLISHED/Bam.Cli.dll" ;;
              exec) echo "$LD_LIBRARY_PATH" ;;
            esac
            """);
        var published = ("PUBLISHED", Path.Combine(sandbox.Clone, "artifacts/cli/.new"));
        sandbox.Run("bam", ["inspect"], published).Output.ShouldBe("\n");
        Directory.CreateDirectory(Path.Combine(sandbox.Clone, "artifacts/libtorch/usr"));
        var run = sandbox.Run("bam", ["inspect"], published, ("LD_LIBRARY_PATH", "/own"));
        run.Output.ShouldContain("/artifacts/libtorch/usr/lib/x86_64-linux-gnu:");
        run.Output.ShouldEndWith(":/own\n");
    }

    [SkippableFact]
    public void Packages_are_installed_while_the_managed_code_is_built()
    {
        Skip.IfNot(Environment.UserName == "root", "not run by root");
        sandbox.RemoveTool("make");
        sandbox.AddTool(
            "apt-get",
            $"for i in {{1..100}}; do grep -q '^dotnet publish' '{sandbox.Directory}/calls' && exit; sleep 0.1; done; exit 1");
        sandbox.Run("bam", ["train", "a.yaml"], OwnLibtorch, ("PUBLISH_SECONDS", "1")).Status.ShouldBe(0);
    }

    [Fact]
    public void A_bridge_that_fails_ends_the_build_with_1()
    {
        sandbox.AddTool(
            "dotnet",
            """
            case $1 in
              msbuild) echo 'Native.targets(1,2): error BAM0001: no libtorch'; exit 1 ;;
              publish) sleep 600 ;;
            esac
            """);
        var run = sandbox.Run("bam", ["train", "a.yaml"], OwnLibtorch);
        run.Status.ShouldBe(1);
        run.Error.ShouldContain("error BAM0001: no libtorch\nbam: compiling failed after ");
        run.Error.ShouldContain("artifacts/compiling.log");
        BuildDirectories().ShouldBeEmpty();
    }

    [Fact]
    public void An_sdk_that_is_too_old_is_named()
    {
        sandbox.AddTool("dotnet", "[[ $1 == --list-sdks ]] && echo '8.0.100 [/usr]'; [[ $1 == --list-sdks ]]");
        var run = sandbox.Run("bam", ["inspect"]);
        run.Status.ShouldBe(2);
        run.Error.ShouldStartWith("bam: the .NET 10 SDK is needed (global.json); ");
        run.Error.ShouldEndWith("has: 8.0.100\n");
    }

    [Fact]
    public void Works_through_a_symbolic_link_from_any_directory()
    {
        var link = Path.Combine(sandbox.Directory, "a link");
        File.CreateSymbolicLink(link, Path.Combine(sandbox.Clone, "bam"));
        sandbox.Run(link, ["inspect"]).Output.ShouldBe("ran inspect\n");
    }

    [Fact]
    public void Another_machine_is_told_what_is_supported()
    {
        sandbox.AddTool("uname", "echo Darwin arm64");
        var run = sandbox.Run("bam", ["demo"]);
        run.Status.ShouldBe(2);
        run.Error.ShouldBe("bam: Linux on x64 with glibc is supported, this is Darwin arm64\n");
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("train", "a.yaml")]
    [InlineData("eval", "perplexity", "a")]
    [InlineData("generate", "a")]
    [InlineData("mix", "btx", "--router-text", "a")]
    [InlineData("--json", "run", "a.yaml")]
    public void A_verb_that_computes_sets_the_machine_up_first(params string[] arguments)
    {
        sandbox.RemoveTool("make");
        sandbox.Run("bam", arguments, OwnLibtorch);
        sandbox.Calls.ShouldContain(call => call.StartsWith("apt-get") || Environment.UserName != "root");
    }

    [Theory]
    [InlineData("train", "--help")]
    [InlineData("inspect", "model")]
    [InlineData("mix", "btx", "--router-seed", "1")]
    [InlineData("doctor")]
    [InlineData("--version")]
    [InlineData]
    public void The_others_install_nothing(params string[] arguments)
    {
        sandbox.RemoveTool("make");
        sandbox.Run("bam", arguments, OwnLibtorch).Status.ShouldBe(0);
        sandbox.Calls.ShouldAllBe(call => call.StartsWith("dotnet"));
    }

    private int Builds() => sandbox.Calls.Count(call => call.StartsWith("dotnet publish"));

    private string[] BuildDirectories() => Directory.GetDirectories(Path.Combine(sandbox.Clone, "artifacts/cli"));
}
