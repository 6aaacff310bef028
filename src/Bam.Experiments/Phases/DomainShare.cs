namespace Bam.Experiments.Phases;

/// <summary>A domain's part of a training's windows.</summary>
/// <param name="Data">The domain.</param>
/// <param name="Weight">Its share, relative to the others' weights.</param>
internal sealed record DomainShare(DataPhase Data, double Weight);
