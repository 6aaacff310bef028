using System.Diagnostics;

namespace Bam.Experiments.Phases;

/// <summary>Runs what a plan leaves to do, one phase after the other.</summary>
internal static class PhaseRunner
{
    /// <summary>Runs every phase of <paramref name="order"/> that is not finished.</summary>
    /// <param name="order">The phases, dependencies first.</param>
    /// <param name="store">Where their outputs are kept; the caller holds its lock.</param>
    /// <param name="reporter">Told what begins and ends.</param>
    /// <param name="cancellation">Cancellation token.</param>
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

/// <summary>What a running phase gets to work with.</summary>
/// <param name="Store">Where the outputs of the phases before it are.</param>
/// <param name="Directory">The phase's own directory.</param>
/// <param name="Reporter">Told what is going on.</param>
/// <param name="Cancellation">Cancellation token: save, then throw <see cref="OperationCanceledException"/>.</param>
internal sealed record PhaseContext(PhaseStore Store, string Directory, IReporter Reporter, CancellationToken Cancellation);
