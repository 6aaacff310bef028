using Bam.Experiments;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class ReportTests : IDisposable
{
    private readonly string run = Directory.CreateTempSubdirectory("bam-report-").FullName;

    public void Dispose() => Directory.Delete(run, recursive: true);

    [Fact]
    public void The_path_of_the_report_is_the_result()
    {
        SaveResults();
        var path = Path.Combine(run, "report.html");

        CommandLineRun.Of("report", run).ShouldBe(new(0, path + "\n", ""));
        File.ReadAllText(path).ShouldStartWith("<!doctype html>");
    }

    [Fact]
    public void Another_path_can_be_chosen()
    {
        SaveResults();
        var path = Path.Combine(run, "elsewhere.html");

        CommandLineRun.Of("report", run, "--output", path, "--json").Output.ShouldContain("\"output\"");

        File.Exists(path).ShouldBeTrue();
    }

    [Fact]
    public void An_unfinished_run_costs_one_line_and_status_2()
    {
        var result = CommandLineRun.Of("report", run);

        result.Status.ShouldBe(2);
        result.Error.ShouldBe(
            $"bam: {Path.Combine(run, "results.json")}: expected the results of a finished run, found no such file; run 'bam run RECIPE' to its end first\n");
    }

    private void SaveResults() => new Results
    {
        Recipe = "empty",
        Created = DateTimeOffset.UnixEpoch,
        Machine = new() { Cpu = "cpu", Cores = 1, Memory = 1, Libtorch = "1.13", Blas = "blas", Threads = 1 },
        Domains = [],
        Models = [],
        Claims = [],
        ResolvedRecipe = "",
    }.Save(run);
}
