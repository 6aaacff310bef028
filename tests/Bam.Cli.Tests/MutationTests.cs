using System.Diagnostics;
using Bam.Fuzz;
using Bam.Fuzz.Kinds;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

/// <summary>A few mutants of each kind of input; tests/Bam.Fuzz runs as many as one likes.</summary>
public sealed class MutationTests
{
    private const int Cases = 20;

    public static TheoryData<string> Kinds => [.. AllKinds.List.Select(kind => kind.Name)];

    [Theory, MemberData(nameof(Kinds))]
    public void A_mutant_is_accepted_or_refused_by_one_line_that_names_a_place(string name)
    {
        var kind = AllKinds.List.Single(k => k.Name == name);
        using var workspace = new Workspace(Workspace.NewDirectory());
        var faults = Enumerable.Range(0, Cases).Select(seed => (Seed: seed, Verdict: kind.Run(workspace, seed)))
            .Where(run => run.Verdict.Outcome == Outcome.Fault);
        string.Join('\n', faults.Select(run => $"{name} {run.Seed}: {run.Verdict.Message}")).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Bam.Fuzz")]
    [InlineData("dotnet", "exec", "Bam.Fuzz.dll")]
    public async Task The_program_counts_its_cases_however_it_is_started(params string[] words)
    {
        var start = new ProcessStartInfo(
            words[0] == "dotnet" ? "dotnet" : Path.Combine(AppContext.BaseDirectory, words[0]),
            [.. words[1..], "--kind", "gzip", "--count", "6"])
        {
            WorkingDirectory = AppContext.BaseDirectory,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        process.ExitCode.ShouldBe(0, output);
        output.ShouldContain("\n| all | 6 |");
    }
}
