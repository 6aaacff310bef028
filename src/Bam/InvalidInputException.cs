namespace Bam;

/// <summary>
/// The request is invalid: a file, field or tensor is not as expected. The command line prints one line and exits with status 2.
/// </summary>
public sealed class InvalidInputException : Exception
{
    /// <summary>Builds the message from its parts.</summary>
    /// <param name="where">The file and, where known, the field, tensor or line.</param>
    /// <param name="expected">The expected value.</param>
    /// <param name="found">The value found.</param>
    /// <param name="hint">How to fix it.</param>
    public InvalidInputException(string where, string expected, string found, string hint)
        : base($"{where}: expected {expected}, found {found}; {hint}") { }

    /// <summary>For errors that do not fit the expected/found pattern.</summary>
    /// <param name="message">One line: what is wrong, where, and how to fix it.</param>
    /// <param name="innerException">The cause, for diagnostics only.</param>
    public InvalidInputException(string message, Exception? innerException = null)
        : base(message, innerException) { }
}

/// <summary>
/// The request is valid but the work failed: a full disk, a non-finite loss. The command line prints one line and exits with
/// status 1.
/// </summary>
/// <param name="message">One line: what failed, where, what is preserved, and what to do.</param>
/// <param name="innerException">The cause, for diagnostics only.</param>
public sealed class WorkFailedException(string message, Exception? innerException = null)
    : Exception(message, innerException);
