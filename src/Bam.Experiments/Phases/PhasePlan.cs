namespace Bam.Experiments.Phases;

/// <summary>
/// The phases of a recipe in an order that respects their dependencies, each with what is to be done about it and why.
/// </summary>
internal static class PhasePlan
{
    /// <summary>Every phase that <paramref name="targets"/> need, themselves included, dependencies first.</summary>
    public static IReadOnlyList<Phase> Order(IEnumerable<Phase> targets)
    {
        var order = new List<Phase>();
        var seen = new HashSet<Phase>();
        foreach (var target in targets) Visit(target);
        return order;

        void Visit(Phase phase)
        {
            if (!seen.Add(phase)) return;
            foreach (var dependency in phase.Dependencies) Visit(dependency);
            order.Add(phase);
        }
    }

    /// <summary>Compares every phase with what the store holds.</summary>
    public static IReadOnlyList<PlannedPhase> Make(IEnumerable<Phase> order, PhaseStore store) =>
        [.. order.Select(phase => Plan(phase, store))];

    private static PlannedPhase Plan(Phase phase, PhaseStore store)
    {
        if (store.TryGetOutcome(phase, out _)) return new(phase, PhaseState.Finished, "finished");
        if (store.IsInterrupted(phase))
        {
            var reason = phase.CanContinueIn(store) ? "was interrupted, goes on" : "was interrupted, starts again";
            return new(phase, PhaseState.Interrupted, reason);
        }

        return new(phase, PhaseState.Pending, store.PreviousInputs(phase) is { } before
            ? InputDifference.Between(before, phase.Inputs.ToJson())
            : "not run yet");
    }
}

/// <summary>
/// A phase and what a run would do with it, and why: "finished", "learning_rate: 0.001 → 0.002", "train seed changed".
/// </summary>
internal sealed record PlannedPhase(Phase Phase, PhaseState State, string Reason);

/// <summary>Where a phase of a plan stands.</summary>
internal enum PhaseState
{
    /// <summary>Done under the same key; kept.</summary>
    Finished,

    /// <summary>Begun under the same key and interrupted; goes on, or starts anew where it cannot.</summary>
    Interrupted,

    /// <summary>Not run under this key.</summary>
    Pending,
}
