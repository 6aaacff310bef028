namespace Bam.Evaluation.Tasks.Running;

/// <summary>Runs programs that a model wrote.</summary>
internal interface IProgramRunner : IDisposable
{
    /// <summary>Runs a Python program to its end.</summary>
    /// <returns>Null if it ended without an exception; else what happened.</returns>
    /// <exception cref="WorkFailedException">Programs cannot be run any more.</exception>
    string? Run(string program, CancellationToken cancellation);
}
