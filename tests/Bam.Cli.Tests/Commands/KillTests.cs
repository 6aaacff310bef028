using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Checkpoints.Safetensors;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>
/// Commands that are killed at any moment leave nothing half-written under a final name, and the same command then makes what an
/// unbroken one makes. <c>eng/check-kills.sh</c> does the same with more kills.
/// </summary>
public sealed class KillTests(KilledCommands commands) : IClassFixture<KilledCommands>
{
    private static readonly int Kills = int.Parse(
        Environment.GetEnvironmentVariable("BAM_KILLS") ?? "2", CultureInfo.InvariantCulture);

    private readonly Random random = new();

    public static TheoryData<string> Names => [.. KilledCommands.Names];

    [Theory, MemberData(nameof(Names))]
    [Trait("Speed", "long")]
    public void A_command_that_is_killed_again_and_again_ends_like_an_unbroken_one(string name)
    {
        var (folder, whole) = (commands[$"{name} killed"], Path.Combine(commands[$"{name} whole"], "out"));
        var output = Path.Combine(folder, "out");
        Directory.CreateDirectory(folder);
        var start = Stopwatch.GetTimestamp();
        Run(name, whole);
        var duration = Stopwatch.GetElapsedTime(start);
        var (kills, writing) = (0, 0);
        for (var attempt = 0; kills < Kills; attempt++)
        {
            using var process = TrainProcess.StartBam(commands.Arguments(name, output));
            // Every other attempt aims at the writing, which may be over before a process that looks on sees it.
            WaitForMoment(process, attempt % 2 == 0 ? duration * random.NextDouble() : null, folder);
            process.Kill();
            if (TrainProcess.Finish(process).Status != ExitStatus.Done)
            {
                kills++;
                if (Temporary(folder).Count > 0) writing++;
            }

            NothingIsHalfWritten(output, whole);
            // A run that is done is not done again, and an export does not replace another.
            var isRun = name == "run" && File.Exists(Path.Combine(output, "report.html"));
            var isExport = name.StartsWith("export", StringComparison.Ordinal) && Directory.Exists(output);
            if (isRun || isExport) Directory.Delete(output, recursive: true);
        }

        Run(name, output);
        NothingIsHalfWritten(output, whole);
        Comparable(output).ShouldBe(Comparable(whole));
        Temporary(folder).ShouldBeEmpty();
        if (Environment.GetEnvironmentVariable("BAM_KILLS_RESULT") is { } result)
            File.AppendAllText(result, $"| `{name}` | {kills} | {writing} |\n");
    }

    private void Run(string name, string output) =>
        TrainProcess.Finish(TrainProcess.StartBam(commands.Arguments(name, output))).ShouldBeDone();

    private void WaitForMoment(Process process, TimeSpan? moment, string folder)
    {
        var start = Stopwatch.GetTimestamp();
        while (!process.HasExited && (moment is { } end ? Stopwatch.GetElapsedTime(start) < end : Temporary(folder).Count == 0))
            Thread.Sleep(1);
        // Small files are written within a millisecond.
        if (moment is null && random.Next(2) == 0) Thread.Sleep(random.Next(0, 30));
    }

    private static List<string> Temporary(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(folder, ".*", SearchOption.AllDirectories)
                .Where(path => Path.GetExtension(path) is ".tmp" or ".old")];
        }
        catch (DirectoryNotFoundException)
        {
            // It was renamed while it was looked through.
            return [];
        }
    }

    /// <summary>
    /// What has a final name is whole: as in an unbroken run, or readable where it is only there for a while or holds times.
    /// </summary>
    private static void NothingIsHalfWritten(string output, string whole)
    {
        foreach (var (name, path) in Files(output))
        {
            var same = Path.Combine(whole, name);
            if (IsComparable(path) && File.Exists(same)) File.ReadAllBytes(path).ShouldBe(File.ReadAllBytes(same), name);
            else if (path.EndsWith(".safetensors", StringComparison.Ordinal)) SafetensorsFile.Open(path).Dispose();
            else if (path.EndsWith(".json", StringComparison.Ordinal)) JsonNode.Parse(File.ReadAllBytes(path)).ShouldNotBeNull();
            else if (path.EndsWith(".html", StringComparison.Ordinal)) File.ReadAllText(path).ShouldEndWith("</html>\n");
        }
    }

    private static SortedDictionary<string, string> Comparable(string output)
    {
        var files = Files(output).Where(file => IsComparable(file.Path)).ToDictionary(
            file => file.Name,
            file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file.Path))));
        files.ShouldNotBeEmpty();
        return new(files);
    }

    // What else a run leaves holds times, dates or the run's own path.
    private static bool IsComparable(string path)
    {
        var name = Path.GetFileName(path);
        if (name is "upcycling.json" && path.Contains("/phases/", StringComparison.Ordinal)) return false;
        return Path.GetExtension(name) is ".safetensors" or ".bin" or ".idx" or ".gguf" or ".md" or ".py" or ""
            || name is "config.json" or "tokenizer.json" or "report.json" or "upcycling.json";
    }

    private static IEnumerable<(string Name, string Path)> Files(string output) =>
        File.Exists(output) ? [(".", output)]
        : !Directory.Exists(output) ? []
        : Directory.EnumerateFiles(output, "*", SearchOption.AllDirectories)
            .Select(path => (Path.GetRelativePath(output, path), path))
            .Where(file => !file.Item1.Split('/').Any(part => part.StartsWith('.')))
            .Where(file => !file.path.Contains("/events/", StringComparison.Ordinal));
}
