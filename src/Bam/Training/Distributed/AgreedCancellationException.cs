namespace Bam.Training.Distributed;

/// <summary>
/// A process of the run was cancelled, this one or another, and all have stopped after the same step. The checkpoint is written.
/// </summary>
internal sealed class AgreedCancellationException() : OperationCanceledException("a process of the run was cancelled");
