using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>
/// <c>bam train</c> by several ranks: one speaks; and a rank that is killed at any moment is named by the others, which end, and
/// the run then ends like an unbroken one. <c>eng/check-distributed.sh</c> does the same with more kills and ranks.
/// </summary>
public sealed partial class RankKillTests(TrainProcess runs) : IClassFixture<TrainProcess>
{
    private static readonly int Kills = Setting("BAM_RANK_KILLS", 1);
    private static readonly int Ranks = Setting("BAM_RANKS", 2);

    private readonly Random random = new();

    [Fact]
    public void One_rank_speaks_and_the_others_write_to_files()
    {
        var run = TrainProcess.Finish(
            TrainProcess.StartBam("launch", "--processes", "2", "--", "train", runs.Config("launched")));
        run.ShouldBeDone();
        Regex.Count(run.Output, "core-seconds").ShouldBe(1);
        run.Error.ShouldNotContain("[rank 1]");
        File.ReadAllText(runs["launched/ranks/rank-1.log"]).ShouldContain("60 steps of 256 tokens");
        File.Exists(runs["launched/ranks/rank-0.log"]).ShouldBeFalse();
    }

    [Fact]
    public void A_signal_to_one_rank_stops_all_after_saving()
    {
        var ranks = TrainProcess.StartRanks(runs.Config("stopped"), 2);
        runs.WaitForStep(ranks[0], "stopped", 10).ShouldBeTrue();
        Process.Start("kill", ["-TERM", $"{ranks[1].Id}"]).WaitForExit();
        var ends = Array.ConvertAll(ranks, TrainProcess.Finish);
        ends.ShouldAllBe(end => end.Status == ExitStatus.Interrupted);
        ends[0].Error.ShouldContain("a process of the run was cancelled");
        runs.NewestStep("stopped").ShouldBeGreaterThanOrEqualTo(10);
        Directory.Exists(runs["stopped/model"]).ShouldBeFalse();
    }

    [Theory]
    [InlineData("whole", "")]
    [InlineData("sharded", "shard_optimizer: true")]
    [Trait("Speed", "long")]
    public void A_rank_that_is_killed_is_named_and_the_run_ends_like_an_unbroken_one(string name, string more)
    {
        var start = Stopwatch.GetTimestamp();
        FinishAll(TrainProcess.StartRanks(runs.Config($"{name}-unbroken", more), Ranks)).ShouldAllBe(end => end.Status == 0);
        var duration = Stopwatch.GetElapsedTime(start);
        var kills = 0;
        for (var attempt = 0; kills < Kills; attempt++)
        {
            var config = runs.Config($"{name}-{attempt}", more);
            var ranks = TrainProcess.StartRanks(config, Ranks);
            var victim = random.Next(Ranks);
            ranks[victim].WaitForExit(duration * random.NextDouble());
            ranks[victim].Kill();
            var ends = FinishAll(ranks);
            if (ends[victim].Status == ExitStatus.Done) continue;
            kills++;
            for (var rank = 0; rank < Ranks; rank++)
            {
                // Where the victim had done its part, the others may end well.
                if (rank == victim || ends[rank].Status == ExitStatus.Done) continue;
                ends[rank].Status.ShouldBe(ExitStatus.WorkFailed, ends[rank].Error);
                Blame().Match(ends[rank].Error).Groups[1].Value.ShouldBe($"{victim}", ends[rank].Error);
            }

            FinishAll(TrainProcess.StartRanks(config, Ranks)).ShouldAllBe(end => end.Status == 0);
            runs.Model($"{name}-{attempt}").ShouldBe(runs.Model($"{name}-unbroken"), $"rank {victim}, attempt {attempt}");
        }

        if (Environment.GetEnvironmentVariable("BAM_RANK_KILLS_RESULT") is { } result)
            File.AppendAllText(result, $"| {name} | {Ranks} | {kills} |\n");
    }

    private static CommandLineRun[] FinishAll(Process[] ranks)
    {
        var ends = Array.ConvertAll(ranks, rank => Task.Run(() => TrainProcess.Finish(rank)));
        return [.. ends.Select(end => end.Result)];
    }

    private static int Setting(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    // The rank at fault follows the one that failed. Without the store, which rank 0 runs, a rank cannot begin.
    [GeneratedRegex(@"(?:on rank [0-9]+:|no store at .*; is) rank ([0-9]+)\b")]
    private static partial Regex Blame();
}
