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
