namespace Bam.Cli.Launching;

/// <summary>Runs the ranks, and after a failure all of them again, as often as was asked for.</summary>
internal static class Launcher
{
    /// <summary>
    /// All ranks start again at most <paramref name="restarts"/> times. A wrong request is not repeated, because it would be
    /// refused again; neither is an interrupted one, because somebody wanted it to end.
    /// </summary>
    /// <returns>The exit status of the first rank that failed; 0 if none did.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the ranks have saved and ended.</exception>
    public static int Run(LaunchOptions options, int restarts, IReporter reporter, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            var death = LaunchedRanks.Run(options, attempt, reporter, cancellation);
            cancellation.ThrowIfCancellationRequested();
            if (death is null) return ExitStatus.Done;
            if (death.Status is ExitStatus.WrongRequest or ExitStatus.Interrupted || attempt == restarts)
            {
                reporter.Say($"launch: {death}{(attempt > 0 ? $", after {attempt} restarts" : "")}");
                return death.Status;
            }

            reporter.Say($"launch: restart {attempt + 1} of {restarts}");
        }
    }
}
