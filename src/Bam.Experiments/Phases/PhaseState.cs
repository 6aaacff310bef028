namespace Bam.Experiments.Phases;

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
