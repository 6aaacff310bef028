using System.Diagnostics;

namespace Bam.Experiments.Phases;

/// <summary>Runs what a plan leaves to do, one phase after the other.</summary>
internal static class PhaseRunner
{
    /// <summary>
    /// Runs every phase of <paramref name="order"/> (dependencies first) that is not finished; the caller holds the store's lock.
    /// </summary>
    /// <returns>How many were run; 0 when all were finished before.</returns>
    /// <exception cref="OperationCanceledException">Stopped; what can be continued is saved.</exception>
    public static int Run(IReadOnlyList<Phase> order, PhaseStore store, IReporter reporter, CancellationToken cancellation)
    {
        var count = 0;
        for (var i = 0; i < order.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var phase = order[i];
            var place = $"[{i + 1}/{order.Count}] {phase.Title}";
            if (store.TryGetOutcome(phase, out _))
            {
                reporter.Say($"{place}: finished before, kept");
                continue;
            }

            reporter.Say(place);
            var clock = Stopwatch.StartNew();
            var directory = store.Begin(phase);
            var result = phase.Run(new PhaseContext(store, directory, reporter, cancellation));
            store.Finish(phase, clock.Elapsed.TotalSeconds, result);
            count++;
        }

        return count;
    }
}

/// <summary>What a running phase gets to work with; on cancellation it saves and throws.</summary>
internal sealed record PhaseContext(PhaseStore Store, string Directory, IReporter Reporter, CancellationToken Cancellation);
