namespace Bam.Experiments.Phases;

/// <summary>What a running phase gets to work with.</summary>
/// <param name="Store">Where the outputs of the phases before it are.</param>
/// <param name="Directory">The phase's own directory.</param>
/// <param name="Reporter">Told what is going on.</param>
/// <param name="Cancellation">Cancellation token: save, then throw <see cref="OperationCanceledException"/>.</param>
internal sealed record PhaseContext(PhaseStore Store, string Directory, IReporter Reporter, CancellationToken Cancellation)
{
    /// <summary>The directory of a finished phase.</summary>
    public string Of(Phase phase) => Store.DirectoryOf(phase);
}
