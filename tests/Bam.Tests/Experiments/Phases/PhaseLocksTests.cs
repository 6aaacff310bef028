using Bam.Experiments.Phases;
using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

/// <summary>Who has a phase: workers of this host, of other hosts, and on file systems that do not share locks.</summary>
public sealed class PhaseLocksTests : IDisposable
{
    private const string Name = "train-law-000000000000";

    private readonly TemporaryDirectory directory = new();
    private readonly StandingClock clock = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_phase_belongs_to_one_worker_at_a_time()
    {
        var (first, second) = (On("here"), On("here"));
        var claim = first.TryTake(Name, out _).ShouldNotBeNull();

        second.TryTake(Name, out var holder).ShouldBeNull();
        holder.ShouldBe($"process {Environment.ProcessId} on here");
        second.TryTake("train-code-000000000000", out _).ShouldNotBeNull().Dispose();

        claim.Dispose();
        second.TryTake(Name, out _).ShouldNotBeNull().Dispose();
    }

    [Fact]
    public void What_a_dead_worker_of_this_host_left_is_free_at_once()
    {
        Record("here", 4711, beats: 3);

        On("here").TryTake(Name, out var holder).ShouldNotBeNull().Dispose();

        holder.ShouldBeNull();
    }

    [Fact]
    public void A_living_worker_of_another_host_keeps_its_phase_though_this_host_does_not_see_its_lock()
    {
        var here = On("here");
        for (var beat = 1; beat < 10; beat++)
        {
            Record("there", 4711, beat);
            here.TryTake(Name, out var holder).ShouldBeNull();
            holder.ShouldBe("process 4711 on there; it is taken over after 60 s without a sign of life");
            clock.Now += PhaseLocks.Patience - TimeSpan.FromSeconds(1);
        }
    }

    [Theory]
    [InlineData(4711)]
    [InlineData(null)]
    public void A_record_of_another_host_that_stays_the_same_is_taken_over(int? process)
    {
        Record("there", process, beats: 3);
        var here = On("here");
        here.TryTake(Name, out _).ShouldBeNull();
        clock.Now += PhaseLocks.Patience - TimeSpan.FromSeconds(1);
        here.TryTake(Name, out _).ShouldBeNull();
        clock.Now += TimeSpan.FromSeconds(1);

        here.TryTake(Name, out _).ShouldNotBeNull().Dispose();
    }

    [Fact]
    public void A_worker_whose_phase_was_taken_by_another_host_notices_and_stops()
    {
        using var claim = On("here", (_, _) => LockAttempt.Acquired).TryTake(Name, out _).ShouldNotBeNull();
        claim.RequireHeld();
        var there = On("there", (_, _) => LockAttempt.Acquired);
        there.TryTake(Name, out _).ShouldBeNull();
        clock.Now += PhaseLocks.Patience;
        using var other = there.TryTake(Name, out _).ShouldNotBeNull();

        claim.Renew();

        claim.Lost.IsCancellationRequested.ShouldBeTrue();
        Should.Throw<WorkFailedException>(claim.RequireHeld).Message
            .ShouldContain("another host has taken the phase, so this file system does not share its locks between hosts");
        other.RequireHeld();
    }

    [Fact]
    public void A_record_changes_with_every_sign_of_life_and_stays_when_the_phase_is_finished()
    {
        var there = On("there");
        using (var claim = there.TryTake(Name, out _))
        {
            var before = Record();
            claim.ShouldNotBeNull().Renew();
            Record().ShouldBe(before! with { Beats = 1 });
            claim.Finish();
        }

        Record().ShouldNotBeNull().Process.ShouldBeNull();
        On("here").TryTake(Name, out var holder).ShouldBeNull();
        holder.ShouldStartWith("there; ");
        there.TryTake(Name, out _).ShouldNotBeNull().Dispose();
        Record().ShouldBeNull();
    }

    [Fact]
    public void Without_locks_a_record_alone_tells_of_a_worker()
    {
        Func<FileLock, LockKind, LockAttempt> none = (_, _) => LockAttempt.Unsupported;
        var locks = On("here", none);
        locks.AreUnsupported.ShouldBeFalse();
        using var claim = locks.TryTake(Name, out _).ShouldNotBeNull();

        locks.AreUnsupported.ShouldBeTrue();
        On("here", none).TryTake(Name, out _).ShouldBeNull();
    }

    [Fact]
    public void A_damaged_record_is_taken_over_like_one_of_another_host()
    {
        using (var file = FileLock.Open(directory[$".locks/{Name}.lock"])) file.WriteText("nonsense");
        var here = On("here");

        here.TryTake(Name, out var holder).ShouldBeNull();
        holder.ShouldStartWith("an unknown host; ");
        clock.Now += PhaseLocks.Patience;
        here.TryTake(Name, out _).ShouldNotBeNull().Dispose();
    }

    [Fact]
    public void A_timed_phase_has_its_machine_for_itself()
    {
        var (first, second) = (On("here"), On("here"));
        using (first.TryTakeMachine(alone: false).ShouldNotBeNull())
        {
            second.TryTakeMachine(alone: true).ShouldBeNull();
            second.TryTakeMachine(alone: false).ShouldNotBeNull().Dispose();
        }

        using (second.TryTakeMachine(alone: true).ShouldNotBeNull())
        {
            first.TryTakeMachine(alone: false).ShouldBeNull();
            On("there").TryTakeMachine(alone: true).ShouldNotBeNull().Dispose();
        }
    }

    private PhaseLocks On(string host, Func<FileLock, LockKind, LockAttempt>? tryLock = null) =>
        new(directory[""], new LockSystem(host, clock, tryLock ?? ((file, kind) => file.TryLock(kind))));

    private void Record(string host, int? process, int beats)
    {
        using var file = FileLock.Open(directory[$".locks/{Name}.lock"]);
        new PhaseOwner(host, process, "token", beats).Write(file);
    }

    private PhaseOwner? Record()
    {
        using var file = FileLock.Open(directory[$".locks/{Name}.lock"]);
        return PhaseOwner.Read(file);
    }
}

/// <summary>A clock that a test moves; its timers never fire.</summary>
internal sealed class StandingClock : TimeProvider
{
    public TimeSpan Now { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new NoTimer();

    private sealed class NoTimer : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
