using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Scripts;

public sealed class SetupScriptTests : IDisposable
{
    private const string Nobody = "65534";

    private static readonly (string, string) OwnLibtorch = ("LIBTORCH", "/opt/libtorch");

    private readonly Sandbox sandbox = new();

    public void Dispose() => sandbox.Dispose();

    [Fact]
    public void What_is_there_is_not_installed_again()
    {
        var run = sandbox.Run("eng/setup.sh", [], OwnLibtorch);
        run.Status.ShouldBe(0);
        run.Error.ShouldBeEmpty();
        sandbox.Calls.ShouldBeEmpty();
    }

    [SkippableFact]
    public void Root_installs_what_is_missing()
    {
        Skip.IfNot(Environment.UserName == "root", "not run by root");
        sandbox.RemoveTool("make");
        var run = sandbox.Run("bam", ["setup"], OwnLibtorch);
        run.Status.ShouldBe(0);
        run.Error.ShouldStartWith("bam: installing make by apt-get");
        sandbox.Calls.ShouldContain(
            call => call.StartsWith("apt-get") && call.EndsWith("install --yes --no-install-recommends make"));
        sandbox.Calls.ShouldNotContain(call => call.StartsWith("sudo"));
    }

    [SkippableFact]
    public void Root_refreshes_the_lists_when_they_are_too_old()
    {
        Skip.IfNot(Environment.UserName == "root", "not run by root");
        sandbox.RemoveTool("make");
        sandbox.AddTool(
            "apt-get", $"[[ $* == *update ]] && touch {sandbox.Directory}/updated; [[ -e {sandbox.Directory}/updated ]]");
        sandbox.Run("bam", ["setup"], OwnLibtorch).Status.ShouldBe(0);
        sandbox.Calls.Count(call => call.Contains("install")).ShouldBe(2);
    }

    [SkippableFact]
    public void Others_are_told_the_line_for_root()
    {
        sandbox.RemoveTool("make");
        var run = AsNobody("demo");
        run.Status.ShouldBe(2);
        run.Error.ShouldBe("bam: set-up needs root for this line, once: apt-get install --yes --no-install-recommends make\n");
        sandbox.Calls.ShouldBeEmpty();
    }

    [SkippableFact]
    public void Without_apt_get_the_packages_are_named()
    {
        sandbox.RemoveTool("make");
        sandbox.RemoveTool("apt-get");
        var run = AsNobody("setup");
        run.Status.ShouldBe(2);
        run.Error.ShouldStartWith("bam: needs ");
        run.Error.ShouldContain("there is no apt-get here");
    }

    [Fact]
    public void Without_root_the_libraries_are_unpacked_below_artifacts()
    {
        sandbox.AddTool("apt-get", Download);
        sandbox.AddTool("dpkg-deb", Extract);
        Unpack().Status.ShouldBe(0);
        Directory.GetFiles(Artifact("libtorch/usr"), "*", SearchOption.AllDirectories).Length.ShouldBe(4);
        var apt = sandbox.Calls.Where(call => call.StartsWith("apt-get")).ToArray();
        apt.ShouldAllBe(
            call => call.Contains($"Dir::State={Artifact("apt/state")} ") && call.Contains($"={Artifact("apt/cache")} "));
        apt.Select(call => call.Split(' ').First(word => word is "update" or "install" or "autoclean"))
            .ShouldBe(["update", "install", "autoclean"]);
        apt[1].ShouldContain("install --download-only ");
    }

    [Fact]
    public void A_broken_off_unpacking_leaves_nothing_and_goes_on_from_the_cache()
    {
        sandbox.AddTool("apt-get", Download);
        sandbox.AddTool("dpkg-deb", $"{Extract}\n[[ $2 != */b.deb ]]");
        Unpack().Status.ShouldBe(1);
        Directory.Exists(Artifact("libtorch")).ShouldBeFalse();
        sandbox.AddTool("dpkg-deb", Extract);
        Unpack().Status.ShouldBe(0);
        Directory.Exists(Artifact("libtorch/usr")).ShouldBeTrue();
        sandbox.Calls.Count(call => call.EndsWith(" update")).ShouldBe(1);
    }

    [SkippableFact]
    public void Packages_that_do_not_hold_the_libraries_are_not_used()
    {
        Skip.If(File.Exists("/usr/include/ATen/core/dispatch/Dispatcher.h"), "libtorch is installed");
        sandbox.AddTool("apt-get", Download);
        sandbox.AddTool("dpkg-deb", "");
        Unpack().Status.ShouldBe(1);
        Directory.Exists(Artifact("libtorch")).ShouldBeFalse();
    }

    // A stand-in for apt-get: lists where it is told to keep them, and two packages.
    private const string Download =
        """
        for word; do
          case $word in
            Dir::State=*) state=${word#*=} ;;
            Dir::Cache=*) cache=${word#*=} ;;
            update) touch "$state/lists/a_Packages" ;;
            --download-only) touch "$cache"/archives/{a,b}.deb ;;
          esac
        done
        """;

    private const string Extract =
        """
        mkdir -p "$3/usr/lib/x86_64-linux-gnu/openblas-openmp" "$3"/usr/include/{gloo,ATen/core/dispatch}
        touch "$3"/usr/lib/x86_64-linux-gnu/{libtorch_cpu.so,openblas-openmp/libopenblas.so.0}
        touch "$3"/usr/include/{gloo/context.h,ATen/core/dispatch/Dispatcher.h}
        """;

    private string Artifact(string path) => Path.Combine(sandbox.Clone, "artifacts", path);

    private CommandLineRun Unpack() => sandbox.Run(
        "/bin/bash", ["-euc", $"cd '{sandbox.Clone}'; source eng/common.sh; source eng/packages.sh; unpack_packages"]);

    private CommandLineRun AsNobody(string verb)
    {
        if (Environment.UserName != "root") return sandbox.Run("bam", [verb], OwnLibtorch);
        File.SetUnixFileMode(sandbox.Directory, (UnixFileMode)Convert.ToInt32("755", 8));
        var bam = Path.Combine(sandbox.Clone, "bam");
        Skip.IfNot(
            sandbox.Run("/usr/bin/setpriv", ["--reuid", Nobody, "--clear-groups", "test", "-r", bam]).Status == 0,
            "the temporary directory is root's alone");
        return sandbox.Run("/usr/bin/setpriv", ["--reuid", Nobody, "--clear-groups", bam, verb], OwnLibtorch);
    }
}
