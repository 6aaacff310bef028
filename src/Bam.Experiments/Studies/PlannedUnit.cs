using Bam.Experiments.Phases;

namespace Bam.Experiments.Studies;

/// <summary>A unit of a study and what a run would do about it.</summary>
/// <param name="Study">The study's name.</param>
/// <param name="Seed">The unit's seed number.</param>
/// <param name="IsFinished">True: its figures are kept, and it is not run again.</param>
/// <param name="Phases">Its phases; what a run would do where it is not finished.</param>
internal sealed record PlannedUnit(string Study, long Seed, bool IsFinished, IReadOnlyList<PlannedPhase> Phases);
