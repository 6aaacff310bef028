using Bam.Torch.Distributed;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Distributed;

/// <summary>Every end of a rank is one line on the others, which names it.</summary>
public class ProcessGroupFailureTests : TorchTest
{
    private const int ShortTimeout = 3;

    // The ranks that come are slow to start on a busy machine.
    private const int ShortJoinTimeout = 15;

    [Theory]
    [InlineData("middle-rank-waits", 1, 2)]
    [InlineData("middle-rank-waits", 1, 4)]
    [InlineData("first-rank-waits", 0, 4)]
    public void A_killed_rank_is_named(string scenario, int rank, int size)
    {
        using var ranks = new Ranks(scenario, size);
        ranks.SignalWhenReady(rank, Ranks.SigKill);
        foreach (var end in ranks.Finish(except: rank))
            ShouldName(end, rank, "does not respond");
    }

    [Fact]
    public void Ranks_are_those_of_the_world_whatever_the_group()
    {
        using var ranks = new Ranks("pair-waits", 3);
        ranks.SignalWhenReady(2, Ranks.SigKill);
        ranks.Finish(except: 2).Select(end => end.Error).ShouldContain(error => error.StartsWith(
            "process group 'pair': receive from rank 2 of Float32[4] failed on rank 1: rank 2 does not respond",
            StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("middle-rank-waits", 1)]
    [InlineData("first-rank-waits", 0)]
    public void A_stopped_rank_is_named_when_the_time_is_over(string scenario, int rank)
    {
        using var ranks = new Ranks(scenario, 4, ShortTimeout);
        ranks.SignalWhenReady(rank, Ranks.SigStop);
        foreach (var end in ranks.Finish(except: rank))
            ShouldName(end, rank, "does not respond");
    }

    [Theory]
    [InlineData("middle-rank-throws", 1)]
    [InlineData("first-rank-throws", 0)]
    public void The_message_of_a_rank_that_throws_is_repeated(string scenario, int rank)
    {
        using var ranks = new Ranks(scenario, 4);
        var ends = ranks.Finish();
        ends[rank].Error.ShouldBe("the disk is full\nsecond line");
        foreach (var end in ends.Where((_, other) => other != rank))
            ShouldName(end, rank, "failed: the disk is full");
    }

    [Fact]
    public void A_rank_that_has_left_is_named()
    {
        using var ranks = new Ranks("middle-rank-leaves", 4);
        var ends = ranks.Finish();
        ends[1].Status.ShouldBe(0);
        foreach (var end in ends.Where((_, other) => other != 1))
            ShouldName(end, 1, "has already ended", "barrier");
    }

    [Fact]
    public void A_rank_that_does_not_come_is_named()
    {
        using var ranks = new Ranks("operations", 4, joinTimeout: ShortJoinTimeout, missing: 2);
        foreach (var end in ranks.Finish())
        {
            end.Status.ShouldBe(1);
            end.Error.ShouldContain("process group 'world': joining failed on rank ");
            end.Error.ShouldEndWith($"rank 2 did not come within {ShortJoinTimeout} s");
        }
    }

    [Fact]
    public void A_store_that_is_not_there_is_named()
    {
        var address = new StoreAddress("127.0.0.1", Ranks.FreePort());
        var error = Should.Throw<ProcessGroupException>(() => TcpStore.Connect(address, TimeSpan.FromSeconds(0.5)));
        error.Message.ShouldStartWith($"no store at {address} after 0.5 s (Connection refused");
        error.Message.ShouldNotContain("\n");
    }

    [Fact]
    public void What_was_tried_for_a_store_and_who_names_it_is_said()
    {
        var address = new StoreAddress("127.0.0.1", Ranks.FreePort());
        Error(address, 0.5, "MASTER_ADDR and MASTER_PORT").ShouldMatch(
            "the last of [2-5] attempts to connect\\); is rank 0 running, and does this machine reach it at that address, "
            + "which MASTER_ADDR and MASTER_PORT name\\?$");
        Error(address with { IsServedByRankZero = false }, 0.01, "").ShouldEndWith(
            "the only attempt to connect); is the launcher that runs it running, and does this machine reach it at that "
            + "address?");

        static string Error(StoreAddress address, double seconds, string source) => Should.Throw<ProcessGroupException>(
            () => TcpStore.Connect(address, TimeSpan.FromSeconds(seconds), source)).Message;
    }

    [Fact]
    public void A_port_that_is_taken_is_named()
    {
        var address = new StoreAddress("127.0.0.1", Ranks.FreePort());
        using var first = TcpStore.Serve(address, TimeSpan.FromSeconds(5));
        Should.Throw<ProcessGroupException>(() => TcpStore.Serve(address, TimeSpan.FromSeconds(5))).Message
            .ShouldStartWith($"no store can be run at {address}: ");
    }

    private static void ShouldName(RankEnd end, int rank, string what, string operation = "all-reduce of Float32[4]")
    {
        end.Status.ShouldBe(1);
        end.Error.ShouldStartWith($"process group 'world': {operation} failed on rank ");
        end.Error.ShouldContain($": rank {rank}");
        end.Error.ShouldContain(what);
        end.Error.ShouldNotContain("\n");
    }
}
