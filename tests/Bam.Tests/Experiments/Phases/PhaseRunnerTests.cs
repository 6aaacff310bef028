using System.Text.Json.Nodes;
using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

public sealed class PhaseRunnerTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("bam-phases-").FullName;
    private readonly PhaseStore store;

    public PhaseRunnerTests() => store = new PhaseStore(directory);

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("data.law", new[] { "data law", "train law", "mixture bam" })]
    [InlineData("seed", new[] { "train seed", "train law", "train code", "mixture bam", "mixture btx" })]
    [InlineData("law", new[] { "train law", "mixture bam" })]
    [InlineData("bam", new[] { "mixture bam" })]
    [InlineData("btx", new[] { "mixture btx" })]
    [InlineData("", new string[0])]
    public void A_changed_setting_runs_just_what_depends_on_it(string changed, string[] expected)
    {
        Run(Graph(""));

        var second = Graph(changed);
        Run(second);

        second.Cast<FakePhase>().Where(phase => phase.Runs > 0).Select(phase => phase.Title)
            .ShouldBe(expected, ignoreOrder: true);
    }

    [Fact]
    public void Changing_back_finds_the_old_outputs()
    {
        Run(Graph(""));
        Run(Graph("seed"));

        var third = Graph("");
        Run(third);

        third.Cast<FakePhase>().ShouldAllBe(phase => phase.Runs == 0);
    }

    [Fact]
    public void The_plan_says_what_runs_and_why()
    {
        Run(Graph(""));

        var plan = PhasePlan.Make(Graph("law"), store).ToDictionary(p => p.Phase.Title);

        plan["train seed"].State.ShouldBe(PhaseState.Finished);
        plan["train law"].State.ShouldBe(PhaseState.Pending);
        plan["train law"].Reason.ShouldBe("changed: false → true");
        plan["mixture bam"].Reason.ShouldBe("train law changed");
        PhasePlan.Make([new FakePhase("train", "new", [])], store)[0].Reason.ShouldBe("not run yet");
    }

    [Fact]
    public void A_name_that_begins_like_another_is_not_its_past()
    {
        Run([new FakePhase("train", "law", new JsonObject { ["x"] = 1 })]);

        PhasePlan.Make([new FakePhase("train", "la", new JsonObject { ["x"] = 2 })], store)[0].Reason.ShouldBe("not run yet");
    }

    [Fact]
    public void An_interrupted_phase_goes_on_with_what_it_saved()
    {
        using var stop = new CancellationTokenSource();
        FakePhase Make(Action<PhaseContext> work) => new("train", "law", []) { Continues = true, Work = work };
        var interrupted = Make(context =>
        {
            File.WriteAllText(Path.Combine(context.Directory, "half"), "saved");
            stop.Cancel();
            context.Cancellation.ThrowIfCancellationRequested();
        });
        Should.Throw<OperationCanceledException>(
            () => PhaseRunner.Run([interrupted], store, SilentReporter.Instance, stop.Token));

        string? found = null;
        var resumed = Make(context => found = File.ReadAllText(Path.Combine(context.Directory, "half")));
        var state = PhasePlan.Make([resumed], store)[0];
        Run([resumed]);

        state.State.ShouldBe(PhaseState.Interrupted);
        found.ShouldBe("saved");
        store.TryGetOutcome(resumed, out _).ShouldBeTrue();
    }

    [Fact]
    public void A_phase_that_cannot_continue_starts_in_an_empty_directory()
    {
        var broken = new FakePhase("data", "law", [])
        {
            Work = context =>
            {
                File.WriteAllText(Path.Combine(context.Directory, "half"), "");
                throw new WorkFailedException("the disk is full");
            },
        };
        Should.Throw<WorkFailedException>(() => Run([broken]));

        var left = true;
        Run([new FakePhase("data", "law", []) { Work = context => left = File.Exists(Path.Combine(context.Directory, "half")) }]);

        left.ShouldBeFalse();
    }

    [Theory]
    [InlineData("notes.md")]
    [InlineData("a/b/notes.md")]
    [InlineData("half/notes.md")]
    public void A_phase_that_starts_again_removes_nothing_of_the_users(string name)
    {
        var phase = new FakePhase("data", "law", []);
        var folder = store.Begin(phase);
        var notes = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(notes)!);
        File.WriteAllText(notes, "precious");
        File.WriteAllText(Path.Combine(folder, ".half.elsewhere.5000000.1.tmp"), "");

        Should.Throw<InvalidInputException>(() => Run([phase])).Message
            .ShouldBe(
                $"{notes}: was not written by Bam, and its directory is about to be replaced; "
                + "move it elsewhere, then run the same command again");

        File.ReadAllText(notes).ShouldBe("precious");
        phase.Runs.ShouldBe(0);
        File.Move(notes, Path.Combine(directory, "notes.md"));
        Run([phase]);
        Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).ShouldBe(["done.json", "phase.json"], ignoreOrder: true);
    }

    [Fact]
    public void Nothing_new_begins_after_cancellation()
    {
        using var stop = new CancellationTokenSource();
        var first = new FakePhase("train", "a", []) { Work = _ => stop.Cancel() };
        var second = new FakePhase("train", "b", [], first);

        Should.Throw<OperationCanceledException>(
            () => PhaseRunner.Run([first, second], store, SilentReporter.Instance, stop.Token));

        store.TryGetOutcome(first, out _).ShouldBeTrue();
        second.Runs.ShouldBe(0);
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("null", "expected a JSON object, found null")]
    [InlineData("{}", "key 'key' is missing")]
    [InlineData("{\"key\": \"x\", \"seconds\": null, \"result\": {}}", "key 'seconds': expected a value, found null")]
    [InlineData("{\"key\": 1, \"seconds\": 1, \"result\": {}}", "key 'key': holds what Bam does not write there")]
    public void A_damaged_outcome_is_named(string json, string message)
    {
        var phase = new FakePhase("train", "law", []);
        Run([phase]);
        var file = Path.Combine(store.DirectoryOf(phase), "done.json");
        File.WriteAllText(file, json);

        var fault = Should.Throw<InvalidInputException>(() => PhasePlan.Make([phase], store)).Message;

        fault.ShouldStartWith($"{file}: ");
        fault.ShouldContain(message);
        fault.ShouldEndWith("; remove the file to run the phase again");
    }

    [Fact]
    public void A_damaged_result_is_named_by_who_reads_it()
    {
        var phase = new FakePhase("train", "law", []);
        Run([phase]);

        var outcome = store.OutcomeOf(phase);

        outcome.Read<Dictionary<string, long>>()["runs"].ShouldBe(1);
        Should.Throw<InvalidInputException>(() => outcome.ReadByName<long>(["runs", "law"]))
            .Message.ShouldContain("key 'result.law' is missing; remove the file");
        Should.Throw<InvalidInputException>(() => outcome.Read<TrainingOutcome>())
            .Message.ShouldContain("done.json: key 'result': key 'tokens' is missing");
    }

    [Fact]
    public void Damaged_inputs_of_an_earlier_phase_only_cost_the_reason()
    {
        var before = new FakePhase("train", "law", new JsonObject { ["x"] = 1 });
        Run([before]);
        File.WriteAllText(Path.Combine(store.DirectoryOf(before), "phase.json"), "{\"settings\": {}, \"settings\": {}}");

        PhasePlan.Make([new FakePhase("train", "law", new JsonObject { ["x"] = 2 })], store)[0].Reason.ShouldBe("not run yet");
    }

    [Fact]
    public void Targets_pull_in_what_they_need_once_and_in_order()
    {
        var a = new FakePhase("data", "a", []);
        var b = new FakePhase("train", "b", [], a);
        var c = new FakePhase("train", "c", [], a, b);

        PhasePlan.Order([c, b]).ShouldBe([a, b, c]);
    }

    private void Run(IReadOnlyList<Phase> phases) =>
        PhaseRunner.Run(phases, store, SilentReporter.Instance, CancellationToken.None);

    private static IReadOnlyList<Phase> Graph(string changed)
    {
        FakePhase Phase(string kind, string name, string setting, params Phase[] needs) =>
            new(kind, name, new JsonObject { ["changed"] = changed == setting, ["name"] = name }, needs);

        var general = Phase("data", "general", "data.general");
        var law = Phase("data", "law", "data.law");
        var seed = Phase("train", "seed", "seed", general);
        var lawExpert = Phase("train", "law", "law", seed, law);
        var codeExpert = Phase("train", "code", "code", seed, general);
        var bam = Phase("mixture", "bam", "bam", seed, lawExpert);
        var btx = Phase("mixture", "btx", "btx", seed, codeExpert);
        return PhasePlan.Order([bam, btx]);
    }
}
