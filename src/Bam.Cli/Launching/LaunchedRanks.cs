using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

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

/// <summary>The first rank that ended with a failure, and its status as a shell reports it: 128 + n after signal n.</summary>
internal sealed record RankDeath(int Rank, int Status)
{
    private const int SignalBase = 128;

    private static readonly Dictionary<int, string> SignalNames = new()
    {
        [1] = "SIGHUP", [2] = "SIGINT", [4] = "SIGILL", [6] = "SIGABRT", [7] = "SIGBUS", [8] = "SIGFPE", [9] = "SIGKILL",
        [11] = "SIGSEGV", [15] = "SIGTERM",
    };

    public override string ToString() =>
        $"rank {Rank} ended with status {Status}"
        + (SignalNames.TryGetValue(Status - SignalBase, out var name) ? $" ({name})" : "");
}

/// <summary>
/// The ranks of one attempt, processes of this machine. Rank 0 has this process's output; the lines of the others go to the
/// reporter, with their rank as a prefix. Every rank has a session of its own, so that Ctrl-C reaches it once, through
/// <see cref="Run"/>, and it gets SIGTERM when this process dies.
/// </summary>
internal sealed partial class LaunchedRanks : IDisposable
{
    private const int SigKill = 9;
    private const int SigTerm = 15;

    // Events other than the end of a rank, whose event is its number.
    private const int Cancelled = -1;
    private const int PatienceOver = -2;

    // A grandchild can hold a pipe open after its rank has ended.
    private static readonly TimeSpan OutputPatience = TimeSpan.FromSeconds(2);

    private readonly LaunchOptions options;
    private readonly IReporter reporter;
    private readonly BlockingCollection<int> events = [];
    private readonly List<Process> processes = [];
    private readonly List<Task> outputs = [];

    private LaunchedRanks(LaunchOptions options, IReporter reporter) => (this.options, this.reporter) = (options, reporter);

    /// <summary>
    /// Starts the ranks and waits for all. If one fails, the others get SIGTERM and, after
    /// <see cref="LaunchOptions.StopPatience"/>, SIGKILL. On cancellation all get SIGTERM, and this waits until they have saved.
    /// </summary>
    /// <param name="options">What to start.</param>
    /// <param name="attempt">From 0; the ranks put it before the store's keys.</param>
    /// <param name="reporter">Gets the lines of the ranks above 0.</param>
    /// <param name="cancellation">Stops the ranks.</param>
    /// <returns>The first rank that failed; null if all ended well, or after cancellation.</returns>
    public static RankDeath? Run(LaunchOptions options, int attempt, IReporter reporter, CancellationToken cancellation)
    {
        using var ranks = new LaunchedRanks(options, reporter);
        ranks.Start(attempt);
        return ranks.Wait(cancellation);
    }

    public void Dispose()
    {
        Signal(SigKill);
        foreach (var process in processes) process.Dispose();
    }

    private void Start(int attempt)
    {
        var port = (options.Port == 0 ? FreePort.Find() : options.Port).ToString(CultureInfo.InvariantCulture);
        for (var rank = 0; rank < options.Processes; rank++)
        {
            // setsid and setpriv replace themselves by the program, so that the process started here becomes the rank.
            var start = new ProcessStartInfo("setsid", ["setpriv", "--pdeathsig", "TERM", "--", .. options.Command])
            {
                RedirectStandardInput = rank > 0,
                RedirectStandardOutput = rank > 0,
                RedirectStandardError = rank > 0,
            };
            SetEnvironment(start.Environment, rank, port, attempt);
            Start(rank, start);
        }
    }

    private void SetEnvironment(IDictionary<string, string?> variables, int rank, string port, int attempt)
    {
        variables["RANK"] = variables["LOCAL_RANK"] = rank.ToString(CultureInfo.InvariantCulture);
        variables["WORLD_SIZE"] = variables["LOCAL_WORLD_SIZE"] = options.Processes.ToString(CultureInfo.InvariantCulture);
        variables["MASTER_ADDR"] = "127.0.0.1";
        variables["MASTER_PORT"] = port;
        variables["TORCHELASTIC_RESTART_COUNT"] = attempt.ToString(CultureInfo.InvariantCulture);
        variables.Remove("TORCHELASTIC_USE_AGENT_STORE");
        var threads = Math.Max(1, Environment.ProcessorCount / options.Processes);
        if (string.IsNullOrEmpty(variables.TryGetValue("OMP_NUM_THREADS", out var given) ? given : null))
            variables["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
    }

    private void Start(int rank, ProcessStartInfo start)
    {
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.Exited += (_, _) => events.Add(rank);
        process.Start();
        processes.Add(process);
        if (rank == 0) return;
        process.StandardInput.Close();
        outputs.Add(ForwardLines(process.StandardOutput, rank));
        outputs.Add(ForwardLines(process.StandardError, rank));
    }

    private async Task ForwardLines(StreamReader reader, int rank)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
            if (line.Length > 0) reporter.Say($"[rank {rank}] {line}");
    }

    private RankDeath? Wait(CancellationToken cancellation)
    {
        using var registration = cancellation.Register(() => events.Add(Cancelled));
        using var patience = new Timer(_ => events.Add(PatienceOver));
        RankDeath? death = null;
        for (var running = options.Processes; running > 0;)
        {
            switch (events.Take(CancellationToken.None))
            {
                case Cancelled:
                    Signal(SigTerm);
                    break;
                case PatienceOver:
                    Signal(SigKill);
                    break;
                case var rank:
                    running--;
                    if (death is not null || cancellation.IsCancellationRequested || processes[rank].ExitCode is 0) break;
                    death = new RankDeath(rank, processes[rank].ExitCode);
                    if (running > 0) reporter.Say($"launch: {death}; stopping the other ranks");
                    Signal(SigTerm);
                    patience.Change(options.StopPatience, Timeout.InfiniteTimeSpan);
                    break;
            }
        }

        Task.WaitAll([.. outputs], OutputPatience);
        return death;
    }

    private void Signal(int signal)
    {
        foreach (var process in processes.Where(process => !process.HasExited))
        {
            // With a killed rank its own children end too: its session is a process group.
            if (signal == SigKill) _ = kill(-process.Id, signal);
            _ = kill(process.Id, signal);
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
