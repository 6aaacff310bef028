using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

public sealed class PreparePhaseTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("bam-prepare-").FullName;
    private readonly PhaseStore store;

    public PreparePhaseTests() => store = new PhaseStore(Path.Combine(directory, "run"));

    private FileHashes Hashes => new(Path.Combine(directory, "inputs.json"));

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void The_script_fills_the_directory_it_is_given()
    {
        var phase = Make("echo some text > \"$1/law.txt\"");

        Run(phase);

        File.ReadAllText(Path.Combine(phase.OutputIn(store), "law.txt")).ShouldBe("some text\n");
    }

    [Fact]
    public void A_link_to_nothing_does_not_cost_the_scripts_work()
    {
        var phase = Make("echo some text > \"$1/law.txt\"; ln -s gone.txt \"$1/latest\"");

        Run(phase);

        File.ReadAllText(Path.Combine(phase.OutputIn(store), "law.txt")).ShouldBe("some text\n");
        new FileInfo(Path.Combine(phase.OutputIn(store), "latest")).LinkTarget.ShouldBe("gone.txt");
    }

    [Fact]
    public void A_script_that_fails_leaves_nothing_and_its_last_words_are_shown()
    {
        var phase = Make("echo half > \"$1/law.txt\"; echo no such package >&2; exit 3");

        var message = Should.Throw<WorkFailedException>(() => Run(phase)).Message;

        message.ShouldContain("status 3");
        message.ShouldContain("no such package");
        Directory.Exists(phase.OutputIn(store)).ShouldBeFalse();
    }

    [Fact]
    public void Files_of_an_attempt_that_ended_before_it_was_recorded_are_kept()
    {
        var phase = Make($"echo x >> {directory}/count; echo some text > \"$1/law.txt\"");
        Run(phase);
        File.Delete(Path.Combine(store.DirectoryOf(phase), "done.json"));
        File.WriteAllText(Path.Combine(phase.OutputIn(store), "notes.md"), "precious");

        Run(phase);

        File.ReadAllText(Path.Combine(phase.OutputIn(store), "notes.md")).ShouldBe("precious");
        File.ReadAllLines(Path.Combine(directory, "count")).Length.ShouldBe(1);
        store.TryGetOutcome(phase, out _).ShouldBeTrue();
    }

    [Fact]
    public void Cancellation_ends_the_script()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        Should.Throw<OperationCanceledException>(() =>
            PhaseRunner.Run([Make("sleep 600")], store, SilentReporter.Instance, stop.Token));
    }

    [Fact]
    public void Another_script_is_another_key() => Make("true").Key.ShouldNotBe(Make("false").Key);

    private void Run(Phase phase) => PhaseRunner.Run([phase], store, SilentReporter.Instance, CancellationToken.None);

    private PreparePhase Make(string body)
    {
        var script = Path.Combine(directory, "prepare.sh");
        File.WriteAllText(script, body + "\n");
        return new PreparePhase(script, [], Hashes);
    }
}
