using System.Globalization;

namespace Bam.Cli.Launching;

/// <summary>What <c>bam launch</c> starts.</summary>
/// <param name="Command">The program and its arguments, the same for every rank.</param>
/// <param name="Processes">The number of ranks.</param>
/// <param name="Port">Of the store; 0 for a free one.</param>
internal sealed record LaunchOptions(IReadOnlyList<string> Command, int Processes, int Port = 0)
{
    /// <summary>How long ranks have to end by themselves after one has failed.</summary>
    public TimeSpan StopPatience { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>
/// Runs ranks as processes of this machine, and after a failure all of them again, as often as was asked for. Rank 0 has this
/// process's output; the lines of the others go to the reporter, with their rank as a prefix.
/// </summary>
internal static class Launcher
{
    /// <summary>
    /// All ranks start again at most <paramref name="restarts"/> times. A wrong request is not repeated, because it would be
    /// refused again; neither is an interrupted one, because somebody wanted it to end.
    /// </summary>
    /// <returns>The exit status of the rank that failed; 0 if none did.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the ranks have saved and ended.</exception>
    public static int Run(LaunchOptions options, int restarts, IReporter reporter, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            var death = ChildProcesses.Run(
                Ranks(options, attempt), options.StopPatience, reporter,
                (death, running) =>
                {
                    if (running > 0) reporter.Say($"launch: {death}; stopping the other ranks");
                    return true;
                },
                cancellation);
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

    // The ranks read the attempt, from 0.
    private static List<ChildProcess> Ranks(LaunchOptions options, int attempt)
    {
        var port = options.Port == 0 ? FreePort.Find() : options.Port;
        return [.. Enumerable.Range(0, options.Processes).Select(rank => new ChildProcess(
            $"rank {rank}", options.Command, rank == 0 ? ChildOutput.Shared : ChildOutput.Lines)
        {
            Environment = new Dictionary<string, string?>
            {
                ["RANK"] = Text(rank),
                ["LOCAL_RANK"] = Text(rank),
                ["WORLD_SIZE"] = Text(options.Processes),
                ["LOCAL_WORLD_SIZE"] = Text(options.Processes),
                ["MASTER_ADDR"] = "127.0.0.1",
                ["MASTER_PORT"] = Text(port),
                ["TORCHELASTIC_RESTART_COUNT"] = Text(attempt),
                ["TORCHELASTIC_USE_AGENT_STORE"] = null,
            },
        })];
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
