using System.Diagnostics;
using System.Globalization;

namespace Bam.Experiments.Phases;

/// <summary>
/// Runs the phases that are not finished, one after the other. Several workers share them: each takes the first phase whose needs
/// are finished and that no other worker has.
/// </summary>
internal sealed class PhaseRunner
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    private readonly PhaseStore store;
    private readonly PhaseLocks locks;
    private readonly IReporter reporter;
    private readonly CancellationToken cancellation;
    private readonly HashSet<Phase> finished = [];
    private readonly HashSet<Phase> passedOver = [];
    private Action<Phase>? ran;
    private int count;
    private string? blocked;

    private PhaseRunner(PhaseStore store, PhaseLocks locks, IReporter reporter, CancellationToken cancellation) =>
        (this.store, this.locks, this.reporter, this.cancellation) = (store, locks, reporter, cancellation);

    /// <summary>
    /// Returns when every phase of <paramref name="order"/> (dependencies first) is finished, by this worker or another.
    /// </summary>
    /// <param name="order">The phases.</param>
    /// <param name="store">Where they are kept.</param>
    /// <param name="reporter">Told of each phase.</param>
    /// <param name="cancellation">Stops the phase that runs.</param>
    /// <param name="later">Phases to take while others work on all that is ready; dependencies first.</param>
    /// <param name="locks">Those of the store's directory if null.</param>
    /// <param name="ran">Called after each phase that this worker ran.</param>
    /// <returns>How many this worker ran; 0 when all were finished before.</returns>
    /// <exception cref="OperationCanceledException">Stopped; what can be continued is saved.</exception>
    public static int Run(
        IReadOnlyList<Phase> order,
        PhaseStore store,
        IReporter reporter,
        CancellationToken cancellation,
        IReadOnlyList<Phase>? later = null,
        PhaseLocks? locks = null,
        Action<Phase>? ran = null)
    {
        var runner = new PhaseRunner(store, locks ?? new PhaseLocks(store.RunDirectory), reporter, cancellation) { ran = ran };
        return runner.Run(order, later ?? []);
    }

    private int Run(IReadOnlyList<Phase> order, IReadOnlyList<Phase> later)
    {
        var open = order.Select((phase, i) => (Phase: phase, Place: Place(i, phase))).ToList();
        var (wait, told) = (ShortestWait, (string?)null);
        while (true)
        {
            if (RunFirst(open)) (wait, told) = (ShortestWait, null);
            else if (open.Count == 0) return count;
            else if (!RunLater(later))
            {
                if (blocked is not null && blocked != told) reporter.Say(blocked);
                told = blocked;
                cancellation.WaitHandle.WaitOne(wait);
                wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
            }
        }

        string Place(int i, Phase phase) =>
            string.Create(CultureInfo.InvariantCulture, $"[{i + 1}/{order.Count}] {phase.Title}");
    }

    /// <summary>Runs the first phase that can run, and takes off the list what is finished.</summary>
    /// <returns>False if there is none.</returns>
    private bool RunFirst(List<(Phase Phase, string Place)> open)
    {
        blocked = null;
        for (var i = 0; i < open.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            var (phase, place) = open[i];
            if (IsFinished(phase))
            {
                reporter.Say($"{place}: {(passedOver.Contains(phase) ? "finished by another worker" : "finished before, kept")}");
                open.RemoveAt(i);
            }
            else if (TryRun(phase, place))
            {
                open.RemoveAt(i);
                return true;
            }
            else if (!IsFinished(phase))
            {
                passedOver.Add(phase);
                i++;
            }
        }

        return false;
    }

    /// <summary>Runs a phase that is not waited for.</summary>
    /// <returns>False if none can run.</returns>
    private bool RunLater(IReadOnlyList<Phase> later)
    {
        var reason = blocked;
        foreach (var phase in later)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!IsFinished(phase) && TryRun(phase, $"{phase.Title}, of another unit")) return true;
        }

        blocked = reason;
        return false;
    }

    /// <summary>Runs a phase whose needs are met, if no other worker has it.</summary>
    /// <returns>False if it was not run; <see cref="blocked"/> then has the first reason.</returns>
    private bool TryRun(Phase phase, string place)
    {
        if (!phase.Dependencies.All(IsFinished)) return false;
        using var claim = locks.TryTake(Path.GetFileName(store.DirectoryOf(phase)), out var holder);
        if (locks.AreUnsupported)
        {
            reporter.Warn(
                $"{store.RunDirectory}: this file system has no locks (Lustre: mount it with 'flock'); do not start a second "
                + "worker there");
        }

        if (claim is null)
        {
            blocked ??= $"waiting for {phase.Title}{(holder is null ? "" : $" of {holder}")}";
            return false;
        }

        // Another worker may have finished it before the lock was had.
        if (IsFinished(phase))
        {
            claim.Finish();
            return false;
        }

        using var work = locks.TryTakeMachine(alone: phase.IsTimed);
        if (work is null)
        {
            blocked ??= phase.IsTimed
                ? $"waiting to measure {phase.Title} until no other worker of this run is at work on this machine"
                : "waiting until another worker on this machine has measured";
            return false;
        }

        reporter.Say(place);
        Run(phase, claim);
        return true;
    }

    private void Run(Phase phase, PhaseClaim claim)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, claim.Lost);
        try
        {
            var clock = Stopwatch.StartNew();
            var directory = store.Begin(phase);
            var result = phase.Run(new PhaseContext(store, directory, reporter, stop.Token));
            claim.RequireHeld();
            store.Finish(phase, clock.Elapsed.TotalSeconds, result);
            claim.Finish();
            count++;
            ran?.Invoke(phase);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            claim.RequireHeld();
            throw;
        }
    }

    private bool IsFinished(Phase phase) =>
        finished.Contains(phase) || (store.TryGetOutcome(phase, out _) && finished.Add(phase));
}

/// <summary>What a running phase gets to work with; on cancellation it saves and throws.</summary>
internal sealed record PhaseContext(PhaseStore Store, string Directory, IReporter Reporter, CancellationToken Cancellation);
