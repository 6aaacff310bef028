using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly CheckpointStore store;
    private readonly RecordingReporter reporter = new();

    public CheckpointStoreTests() => store = new CheckpointStore(directory["checkpoints"]);

    [Fact]
    public void Keeps_the_newest_by_number_not_by_name()
    {
        foreach (var step in new[] { 2, 9, 10, 100 }) Add(step, keep: 2);
        store.Newest.Select(CheckpointStore.StepOf).ShouldBe([100, 10]);
    }

    [Fact]
    public void A_failure_while_writing_leaves_the_checkpoints_before()
    {
        Add(1, keep: 1);
        Should.Throw<WorkFailedException>(() => store.Add(2, 1, path =>
        {
            File.WriteAllText(Path.Combine(path, "part"), "x");
            throw new WorkFailedException("disk full");
        }, SilentReporter.Instance));
        store.Newest.ShouldBe([store.PathOf(1)]);
        Directory.GetFileSystemEntries(store.Directory).ShouldBe([store.PathOf(1)]);
    }

    [Fact]
    public void What_a_killed_process_left_is_no_checkpoint_and_goes()
    {
        Add(1, keep: 2);
        Directory.CreateDirectory(Path.Combine(store.Directory, ".step-2.123.tmp"));
        Directory.CreateDirectory(Path.Combine(store.Directory, ".step-1.old"));
        store.Newest.ShouldBe([store.PathOf(1)]);
        store.RemoveLeftovers();
        Directory.GetFileSystemEntries(store.Directory).ShouldBe([store.PathOf(1)]);
    }

    [Fact]
    public void A_checkpoint_of_the_same_step_is_replaced()
    {
        Add(3, keep: 2, "old");
        Add(3, keep: 2, "new");
        File.ReadAllText(Path.Combine(store.PathOf(3), "config.json")).ShouldBe("new");
    }

    [Fact]
    public void Nothing_of_the_users_goes_with_an_old_checkpoint()
    {
        Add(1, keep: 1);
        var notes = Path.Combine(store.PathOf(1), "notes.md");
        File.WriteAllText(notes, "precious");
        foreach (var step in new[] { 2, 3 }) Add(step, keep: 1);
        store.Newest.Select(CheckpointStore.StepOf).ShouldBe([3, 1]);
        File.ReadAllText(notes).ShouldBe("precious");
        reporter.Warnings.ShouldBe(
        [
            $"{notes}: was not written by Bam, and its checkpoint is kept for it; "
            + "move it elsewhere to have old checkpoints removed",
        ]);
        Should.Throw<InvalidInputException>(() => Add(1, keep: 1)).Message
            .ShouldBe(
                $"{notes}: was not written by Bam, and its directory is about to be replaced; "
                + "move it elsewhere, then run the same command again");
    }

    [Fact]
    public void A_hidden_directory_that_only_begins_like_a_leftover_stays()
    {
        Directory.CreateDirectory(Path.Combine(store.Directory, ".step-notes"));
        Directory.CreateDirectory(Path.Combine(store.Directory, ".step-2.mine"));
        store.RemoveLeftovers();
        Directory.GetDirectories(store.Directory).Length.ShouldBe(2);
    }

    [Theory]
    [InlineData("step-12", 12L)]
    [InlineData("abcde12", null)]
    [InlineData("step", null)]
    [InlineData("", null)]
    public void Only_a_checkpoints_name_has_a_step(string name, long? step) =>
        CheckpointStore.StepOf(Path.Combine("run", name)).ShouldBe(step);

    public void Dispose() => directory.Dispose();

    private void Add(long step, int keep, string content = "x") =>
        store.Add(step, keep, path => File.WriteAllText(Path.Combine(path, "config.json"), content), reporter);
}
