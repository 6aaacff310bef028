using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Scripts;

public sealed class TestScriptTests : IDisposable
{
    private static readonly (string, string) OwnLibtorch = ("LIBTORCH", "/opt/libtorch");

    private readonly Sandbox sandbox = new();

    public TestScriptTests()
    {
        foreach (var name in new[] { "A.Tests", "B.Tests" })
            File.WriteAllText(Path.Combine(sandbox.Clone, "tests", name, $"{name}.csproj"), "");
    }

    public void Dispose() => sandbox.Dispose();

    [Theory]
    [InlineData(3, 0, 0, 0, "6 passed, 0 failed", 0)]
    [InlineData(3, 0, 2, 0, "6 passed, 0 failed, 4 skipped", 0)]
    [InlineData(3, 1, 0, 1, "6 passed, 2 failed", 1)]
    [InlineData(0, 0, 0, 0, "0 passed, 0 failed", 1)]
    [InlineData(2, 0, 0, 134, "4 passed, 2 failed", 1)]
    public void The_last_line_is_the_sum(int passed, int failed, int skipped, int hostStatus, string line, int status)
    {
        AnswerWith(
            $"<Counters total=\"{passed + failed + skipped}\" executed=\"{passed + failed}\" passed=\"{passed}\" "
            + $"failed=\"{failed}\" />",
            hostStatus);
        var run = sandbox.Run("test", [], OwnLibtorch, ("CI", "true"));
        run.Output.TrimEnd('\n').Split('\n')[^1].ShouldBe(line);
        run.Status.ShouldBe(status);
    }

    [Fact]
    public void Results_without_counters_are_a_failure()
    {
        AnswerWith("", 1);
        var run = sandbox.Run("test", [], OwnLibtorch);
        run.Output.ShouldEndWith("\n0 passed, 2 failed\n");
        run.Status.ShouldBe(1);
    }

    [Fact]
    public void A_project_without_results_has_failed()
    {
        sandbox.AddTool("dotnet", "[[ $1 != test ]]");
        var run = sandbox.Run("test", [], OwnLibtorch);
        run.Output.ShouldEndWith("\n0 passed, 2 failed\n");
        run.Status.ShouldBe(1);
    }

    [Fact]
    public void A_build_that_fails_ends_it()
    {
        sandbox.AddTool("dotnet", "[[ $1 != build ]]");
        sandbox.Run("test", [], OwnLibtorch).Status.ShouldBe(1);
        sandbox.Calls.ShouldNotContain(call => call.StartsWith("dotnet test"));
    }

    private void AnswerWith(string counters, int status) => sandbox.AddTool(
        "dotnet",
        $$"""
        [[ $1 == test ]] || exit 0
        while [[ $1 != --results-directory ]]; do shift; done
        mkdir -p "$2"
        echo '<TestRun><ResultSummary outcome="Completed">{{counters}}' >"$2/${4#*LogFileName=}"
        exit {{status}}
        """);
}
