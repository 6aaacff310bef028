namespace Bam;

/// <summary>The request was wrong: a file, a field or a tensor is not what it must be. Costs one line and exit status 2.</summary>
public sealed class InvalidInputException : Exception
{
    /// <summary>Builds the one line a user sees from its parts.</summary>
    /// <param name="where">The file, and within it the field, tensor or line.</param>
    /// <param name="expected">What a correct input holds there.</param>
    /// <param name="found">What is there instead.</param>
    /// <param name="hint">What to do about it.</param>
    public InvalidInputException(string where, string expected, string found, string hint)
        : base($"{where}: expected {expected}, found {found}; {hint}") { }

    /// <summary>For faults that no pair of expected and found describes.</summary>
    /// <param name="message">One line: what, where and what to do.</param>
    /// <param name="innerException">The cause, for diagnostics only.</param>
    public InvalidInputException(string message, Exception? innerException = null)
        : base(message, innerException) { }
}

/// <summary>The request was right but the work failed: a full disk, a loss that is not finite. Costs one line and exit status 1.</summary>
/// <param name="message">One line: what failed, where, what is safe, and what to do.</param>
/// <param name="innerException">The cause, for diagnostics only.</param>
public sealed class WorkFailedException(string message, Exception? innerException = null)
    : Exception(message, innerException);
