using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class FileLockTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly FileLock first;
    private readonly FileLock second;

    public FileLockTests() =>
        (first, second) = (FileLock.Open(directory["locks/one"]), FileLock.Open(directory["locks/one"]));

    public void Dispose()
    {
        first.Dispose();
        second.Dispose();
        directory.Dispose();
    }

    [Fact]
    public void An_exclusive_lock_keeps_out_every_other_until_it_is_released()
    {
        first.TryLock(LockKind.Exclusive).ShouldBe(LockAttempt.Acquired);

        second.TryLock(LockKind.Exclusive).ShouldBe(LockAttempt.Busy);
        second.TryLock(LockKind.Shared).ShouldBe(LockAttempt.Busy);
        second.IsHeldElsewhere(7, 1).ShouldBeTrue();
        first.IsHeldElsewhere(0, 0).ShouldBeFalse();
        first.Dispose();
        second.TryLock(LockKind.Exclusive).ShouldBe(LockAttempt.Acquired);
    }

    [Fact]
    public void Shared_locks_keep_out_exclusive_ones_only()
    {
        first.TryLock(LockKind.Shared).ShouldBe(LockAttempt.Acquired);

        second.TryLock(LockKind.Exclusive).ShouldBe(LockAttempt.Busy);
        second.TryLock(LockKind.Shared).ShouldBe(LockAttempt.Acquired);
        first.TryLock(LockKind.Exclusive).ShouldBe(LockAttempt.Busy);
    }

    [Fact]
    public void Ranges_are_locked_apart()
    {
        first.TryLock(LockKind.Exclusive, 5, 1).ShouldBe(LockAttempt.Acquired);

        second.IsHeldElsewhere(0, 5).ShouldBeFalse();
        second.IsHeldElsewhere(6, 0).ShouldBeFalse();
        second.IsHeldElsewhere(0, 0).ShouldBeTrue();
        second.TryLock(LockKind.Exclusive, 6).ShouldBe(LockAttempt.Acquired);
    }

    [Fact]
    public void A_text_is_read_by_others_and_cleared()
    {
        first.ReadText(10).ShouldBe("");

        first.WriteText("held");
        second.ReadText(10).ShouldBe("held");
        second.ReadText(2).ShouldBe("he");
        first.Clear();
        second.ReadText(10).ShouldBe("");
    }

    [Fact]
    public void A_directory_that_cannot_be_created_is_named()
    {
        File.WriteAllText(directory["file"], "");

        Should.Throw<WorkFailedException>(() => FileLock.Open(directory["file/one"])).Message
            .ShouldStartWith($"{directory["file"]}: cannot be created (");
    }
}
