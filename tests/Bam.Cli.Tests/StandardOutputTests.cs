using System.Diagnostics;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

/// <summary>The process itself, with a standard output that does not take what it writes.</summary>
public sealed class StandardOutputTests
{
    private static readonly string Model = RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel");

    [Theory]
    [InlineData("inspect")]
    [InlineData("inspect --json")]
    [InlineData("--help")]
    public void A_reader_that_goes_ends_the_work_quietly(string verb)
    {
        var (status, error) = Run($"exec 3> >(:); wait $!; {Bam(verb)} >&3");
        status.ShouldBe(ExitStatus.ReaderGone);
        error.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("--help")]
    public void A_full_disk_costs_one_line(string verb)
    {
        var (status, error) = Run($"{Bam(verb)} > /dev/full");
        status.ShouldBe(ExitStatus.WorkFailed);
        error.ShouldBe("bam: standard output: cannot be written (the disk is full); write it elsewhere\n");
    }

    [Fact]
    public void Programs_that_share_a_file_write_one_after_the_other()
    {
        var file = Path.GetTempFileName();
        Run($"{{ echo before; {Bam("--version")}; echo after; }} > {file}").Status.ShouldBe(0);
        var lines = File.ReadAllLines(file);
        (lines[0], lines[^1]).ShouldBe(("before", "after"));
        lines[1].ShouldStartWith("bam ");
        File.Delete(file);
    }

    private static string Bam(string verb) =>
        $"'{Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet"}' "
        + $"'{Path.Combine(AppContext.BaseDirectory, "Bam.Cli.dll")}' "
        + $"{verb}{(verb.StartsWith("inspect", StringComparison.Ordinal) ? $" '{Model}'" : "")}";

    private static (int Status, string Error) Run(string script)
    {
        using var shell = Process.Start(
            new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var error = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        return (shell.ExitCode, error);
    }
}
