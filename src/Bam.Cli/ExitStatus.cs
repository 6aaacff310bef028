namespace Bam.Cli;

/// <summary>What the process tells its caller.</summary>
internal static class ExitStatus
{
    public const int Done = 0;

    /// <summary>The request was right, the work failed; also a check that did not hold.</summary>
    public const int WorkFailed = 1;

    /// <summary>The request was wrong: an option, a file, a field, a machine that is not set up.</summary>
    public const int WrongRequest = 2;

    /// <summary>Ctrl-C or SIGTERM, after saving.</summary>
    public const int Interrupted = 130;

    /// <summary>Whoever read standard output has gone; what a shell says of a program that SIGPIPE ended.</summary>
    public const int ReaderGone = 141;
}
