using System.Collections.Concurrent;
using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

/// <summary>Several workers that run the phases of one plan.</summary>
public sealed class SharedPhasesTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly TemporaryDirectory directory = new();
    private readonly PhaseStore store;
    private readonly ConcurrentQueue<string> runs = [];

    public SharedPhasesTests() => store = new PhaseStore(directory[""]);

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task Every_phase_runs_once_whatever_the_number_of_workers()
    {
        List<Phase> Graph()
        {
            var texts = Enumerable.Range(0, 6).Select(i => Make($"text{i}")).ToList();
            var models = texts.Select((text, i) => Make($"model{i}", text, texts[(i + 1) % 6])).ToList();
            return [.. PhasePlan.Order([Make("mixture", [.. models])])];
        }

        var counts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Worker(Graph(), new Log())));

        runs.Order().ShouldBe(Graph().Select(phase => phase.Name).Order());
        counts.Sum().ShouldBe(13);
    }

    [Fact]
    public async Task A_worker_takes_what_is_ready_and_waits_for_what_another_has()
    {
        var (begun, told) = (new ManualResetEventSlim(), new ManualResetEventSlim());
        List<Phase> Graph()
        {
            var seed = Make("seed", _ =>
            {
                begun.Set();
                told.Wait(Patience).ShouldBeTrue();
            });
            return [seed, Make("law", seed), Make("text")];
        }

        var first = Worker(Graph(), new Log());
        begun.Wait(Patience).ShouldBeTrue();
        var log = new Log(line =>
        {
            if (line.StartsWith("waiting", StringComparison.Ordinal)) told.Set();
        });
        var second = Worker(Graph(), log);

        (await first + await second).ShouldBe(3);
        runs.Order().ShouldBe(["law", "seed", "text"]);
        log.Lines.Take(2).ShouldBe(
            ["[3/3] train text", $"waiting for train seed of process {Environment.ProcessId} on {System.Net.Dns.GetHostName()}"]);
        log.Lines.ShouldContain("[1/3] train seed: finished by another worker");
    }

    [Fact]
    public async Task A_failed_phase_is_tried_once_by_each_worker()
    {
        var (begun, told) = (new ManualResetEventSlim(), new ManualResetEventSlim());
        List<Phase> Graph()
        {
            var seed = Make("seed", _ =>
            {
                begun.Set();
                told.Wait(Patience).ShouldBeTrue();
                throw new WorkFailedException("the disk is full");
            });
            return [seed, Make("law", seed)];
        }

        var first = Worker(Graph(), new Log());
        begun.Wait(Patience).ShouldBeTrue();
        var log = new Log(line =>
        {
            if (line.StartsWith("waiting", StringComparison.Ordinal)) told.Set();
        });
        var second = Worker(Graph(), log);

        (await Should.ThrowAsync<WorkFailedException>(first)).Message.ShouldBe("the disk is full");
        (await Should.ThrowAsync<WorkFailedException>(second)).Message.ShouldBe("the disk is full");
        runs.ShouldBe(["seed", "seed"]);
        log.Lines[^1].ShouldBe("[1/2] train seed");
    }

    [Fact]
    public async Task A_cancelled_worker_ends_while_it_waits()
    {
        using var stop = new CancellationTokenSource();
        var (begun, ended) = (new ManualResetEventSlim(), new ManualResetEventSlim());
        var first = Worker([Make("seed", _ =>
        {
            begun.Set();
            ended.Wait(Patience).ShouldBeTrue();
        })], new Log());
        begun.Wait(Patience).ShouldBeTrue();

        var second = Worker([Make("seed")], new Log(_ => stop.Cancel()), stop.Token);

        await Should.ThrowAsync<OperationCanceledException>(second);
        ended.Set();
        (await first).ShouldBe(1);
    }

    [Fact]
    public async Task What_a_cancelled_worker_left_is_taken_up_by_one_that_waits()
    {
        using var stop = new CancellationTokenSource();
        var begun = new ManualResetEventSlim();
        var found = "";
        var first = Worker([Make("seed", context =>
        {
            File.WriteAllText(Path.Combine(context.Directory, "half"), "saved");
            begun.Set();
            context.Cancellation.WaitHandle.WaitOne(Patience).ShouldBeTrue();
            context.Cancellation.ThrowIfCancellationRequested();
        })], new Log(), stop.Token);
        begun.Wait(Patience).ShouldBeTrue();

        var second = Worker(
            [Make("seed", context => found = File.ReadAllText(Path.Combine(context.Directory, "half")))],
            new Log(_ => stop.Cancel()));

        await Should.ThrowAsync<OperationCanceledException>(first);
        (await second).ShouldBe(1);
        found.ShouldBe("saved");
    }

    [Fact]
    public async Task A_timed_phase_waits_until_the_machine_is_free()
    {
        var (begun, told, isBusy) = (new ManualResetEventSlim(), new ManualResetEventSlim(), false);
        var first = Worker([Make("seed", _ =>
        {
            isBusy = true;
            begun.Set();
            told.Wait(Patience).ShouldBeTrue();
            isBusy = false;
        })], new Log());
        begun.Wait(Patience).ShouldBeTrue();
        var timed = new FakePhase("latency", "own", [])
        {
            Timed = true,
            Work = _ => isBusy.ShouldBeFalse(),
        };
        var log = new Log(line =>
        {
            if (line.StartsWith("waiting", StringComparison.Ordinal)) told.Set();
        });

        (await Worker([timed], log) + await first).ShouldBe(2);

        log.Lines.ShouldBe(
        [
            "waiting to measure latency own until no other worker of this run is at work on this machine", "[1/1] latency own",
        ]);
    }

    [Fact]
    public async Task Instead_of_waiting_a_worker_takes_phases_of_later_units()
    {
        var (begun, later) = (new ManualResetEventSlim(), new ManualResetEventSlim());
        var first = Worker([Make("seed1", _ =>
        {
            begun.Set();
            later.Wait(Patience).ShouldBeTrue();
        })], new Log());
        begun.Wait(Patience).ShouldBeTrue();
        var log = new Log();
        var text = Make("text2");

        var second = Task.Run(() => PhaseRunner.Run(
            [Make("seed1")], store, log, default, [text, Make("seed2", _ => later.Set(), text)]));

        (await first + await second).ShouldBe(3);
        log.Lines.Where(line => !line.StartsWith("waiting", StringComparison.Ordinal)).ShouldBe(
        [
            "train text2, of another unit", "train seed2, of another unit", "[1/1] train seed1: finished by another worker",
        ]);
    }

    [Fact]
    public void One_worker_alone_runs_in_order_and_takes_nothing_of_later_units()
    {
        var log = new Log();

        PhaseRunner.Run([Make("text"), Make("seed")], store, log, default, [Make("other")]).ShouldBe(2);

        log.Lines.ShouldBe(["[1/2] train text", "[2/2] train seed"]);
        PhaseRunner.Run([Make("text"), Make("law"), Make("seed")], store, log, default).ShouldBe(1);
        log.Lines.Skip(2).ShouldBe(
            ["[1/3] train text: finished before, kept", "[2/3] train law", "[3/3] train seed: finished before, kept"]);
    }

    private FakePhase Make(string name, params Phase[] needs) => Make(name, _ => { }, needs);

    private FakePhase Make(string name, Action<PhaseContext> work, params Phase[] needs) =>
        new("train", name, new() { ["name"] = name }, needs)
        {
            Continues = true,
            Work = context =>
            {
                runs.Enqueue(name);
                work(context);
            },
        };

    private Task<int> Worker(IReadOnlyList<Phase> order, Log log, CancellationToken cancellation = default) =>
        Task.Factory.StartNew(
            () => PhaseRunner.Run(order, store, log, cancellation),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

    private sealed class Log(Action<string>? onLine = null) : IReporter
    {
        private readonly ConcurrentQueue<string> lines = [];

        public IReadOnlyList<string> Lines => [.. lines];

        public void Say(string message)
        {
            lines.Enqueue(message);
            onLine?.Invoke(message);
        }

        public void Warn(string message) => Say(message);

        public void Advance(WorkProgress progress)
        {
        }
    }
}
