namespace Bam;

/// <summary>The request was right but the work failed: a full disk, a loss that is not finite. Costs one line and exit status 1.</summary>
/// <param name="message">One line: what failed, where, what is safe, and what to do.</param>
/// <param name="innerException">The cause, for diagnostics only.</param>
public sealed class WorkFailedException(string message, Exception? innerException = null)
    : Exception(message, innerException);
