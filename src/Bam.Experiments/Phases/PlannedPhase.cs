namespace Bam.Experiments.Phases;

/// <summary>A phase and what a run would do with it.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Reason">Why, human-readable: "finished", "settings.learning_rate: 0.001 → 0.002", "after train seed".</param>
internal sealed record PlannedPhase(Phase Phase, PhaseState State, string Reason);
