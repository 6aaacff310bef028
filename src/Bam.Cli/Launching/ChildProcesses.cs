using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Bam.Cli.Launching;

/// <summary>A process to start.</summary>
/// <param name="Name">Precedes its lines: "rank 2".</param>
/// <param name="Command">The program and its arguments.</param>
/// <param name="Output">Where its output goes.</param>
internal sealed record ChildProcess(string Name, IReadOnlyList<string> Command, ChildOutput Output)
{
    /// <summary>Variables that it has besides those of this process; null removes one.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();
}

/// <summary>Where a process's output goes.</summary>
internal enum ChildOutput
{
    /// <summary>To this process's standard output and error; its input, too, is this process's.</summary>
    Shared,

    /// <summary>All lines to the reporter, each behind the process's name.</summary>
    Lines,

    /// <summary>The lines of standard error to the reporter; its result is dropped.</summary>
    Messages,
}

/// <summary>The first process that ended with a failure, and its status as a shell reports it: 128 + n after signal n.</summary>
internal sealed record ChildDeath(string Name, int Status)
{
    private const int SignalBase = 128;

    private static readonly Dictionary<int, string> SignalNames = new()
    {
        [1] = "SIGHUP", [2] = "SIGINT", [4] = "SIGILL", [6] = "SIGABRT", [7] = "SIGBUS", [8] = "SIGFPE", [9] = "SIGKILL",
        [11] = "SIGSEGV", [15] = "SIGTERM",
    };

    public override string ToString() =>
        $"{Name} ended with status {Status}"
        + (SignalNames.TryGetValue(Status - SignalBase, out var name) ? $" ({name})" : "");
}

/// <summary>
/// Processes of this machine that work together: each has its share of the cores. Each has a session of its own, so that Ctrl-C
/// reaches it once, through this process, and not a second time from the terminal, which would end it without saving; and gets
/// SIGTERM when this process dies.
/// </summary>
internal sealed partial class ChildProcesses : IDisposable
{
    private const string ThreadsVariable = "OMP_NUM_THREADS";
    private const int SigKill = 9;
    private const int SigTerm = 15;

    // Marks in the queue of ended processes.
    private const int Cancelled = -1;
    private const int Timer = -2;

    // A grandchild can hold a pipe open after its parent has ended.
    private static readonly TimeSpan OutputPatience = TimeSpan.FromSeconds(2);

    private readonly IReadOnlyList<ChildProcess> children;
    private readonly IReporter reporter;
    private readonly BlockingCollection<int> events = [];
    private readonly List<Process> processes = [];
    private readonly List<Task> outputs = [];

    private ChildProcesses(IReadOnlyList<ChildProcess> children, IReporter reporter) =>
        (this.children, this.reporter) = (children, reporter);

    /// <summary>
    /// Starts the processes and waits for all. When one fails and <paramref name="endsAll"/>, the others get SIGTERM and, after
    /// <paramref name="stopPatience"/>, SIGKILL. Cancellation passes SIGTERM on, and waits for what the processes save.
    /// </summary>
    /// <param name="children">What to start.</param>
    /// <param name="stopPatience">How long the others have to end by themselves.</param>
    /// <param name="reporter">Gets the lines.</param>
    /// <param name="endsAll">Told of a failure, and how many others run then. Says whether they are to end.</param>
    /// <param name="cancellation">Ends all.</param>
    /// <returns>
    /// The process whose failure ended all, or that was refused; null if all ended well, if others finished without those that
    /// failed, or after cancellation.
    /// </returns>
    /// <exception cref="WorkFailedException">A process cannot be started; the others have ended.</exception>
    public static ChildDeath? Run(
        IReadOnlyList<ChildProcess> children, TimeSpan stopPatience, IReporter reporter, Func<ChildDeath, int, bool> endsAll,
        CancellationToken cancellation)
    {
        using var running = new ChildProcesses(children, reporter);
        for (var i = 0; i < children.Count; i++) running.Start(i);
        return running.Wait(stopPatience, endsAll, cancellation);
    }

    public void Dispose()
    {
        Signal(SigKill);
        foreach (var process in processes) process.Dispose();
    }

    private void Start(int number)
    {
        var child = children[number];
        var isPiped = child.Output != ChildOutput.Shared;
        // setsid and setpriv replace themselves by the program: its process is the one that is started here.
        var start = new ProcessStartInfo("setsid", ["setpriv", "--pdeathsig", "TERM", "--", .. child.Command])
        {
            RedirectStandardInput = isPiped,
            RedirectStandardOutput = isPiped,
            RedirectStandardError = isPiped,
        };
        foreach (var (name, value) in child.Environment)
        {
            if (value is null) start.Environment.Remove(name);
            else start.Environment[name] = value;
        }

        if (string.IsNullOrEmpty(start.Environment.TryGetValue(ThreadsVariable, out var given) ? given : null))
        {
            var threads = Math.Max(1, Environment.ProcessorCount / children.Count);
            start.Environment[ThreadsVariable] = threads.ToString(CultureInfo.InvariantCulture);
        }

        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.Exited += (_, _) => events.Add(number);
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new WorkFailedException($"setsid: cannot be started ({e.Message}); install util-linux", e);
        }

        processes.Add(process);
        if (!isPiped) return;
        process.StandardInput.Close();
        outputs.Add(Pass(process.StandardOutput, child.Output == ChildOutput.Lines ? child.Name : null));
        outputs.Add(Pass(process.StandardError, child.Name));
    }

    private async Task Pass(StreamReader reader, string? name)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
            if (name is not null && line.Length > 0) reporter.Say($"[{name}] {line}");
    }

    private ChildDeath? Wait(TimeSpan stopPatience, Func<ChildDeath, int, bool> endsAll, CancellationToken cancellation)
    {
        using var registration = cancellation.Register(() => events.Add(Cancelled));
        using var patience = new Timer(_ => events.Add(Timer));
        ChildDeath? death = null, passedOver = null;
        var hasFinished = false;
        for (var running = children.Count; running > 0;)
        {
            switch (events.Take(CancellationToken.None))
            {
                case Cancelled:
                    Signal(SigTerm);
                    break;
                case Timer:
                    Signal(SigKill);
                    break;
                case var number:
                    running--;
                    var end = new ChildDeath(children[number].Name, processes[number].ExitCode);
                    hasFinished |= end.Status == ExitStatus.Done;
                    if (cancellation.IsCancellationRequested || end.Status == ExitStatus.Done) break;
                    if (death is not null)
                    {
                        // A wrong request is why the others failed, whoever ended first.
                        if (death.Status == ExitStatus.WorkFailed && end.Status == ExitStatus.WrongRequest) death = end;
                        break;
                    }

                    if (!endsAll(end, running))
                    {
                        passedOver = end;
                        break;
                    }

                    death = end;
                    Signal(SigTerm);
                    patience.Change(stopPatience, Timeout.InfiniteTimeSpan);
                    break;
            }
        }

        Task.WaitAll([.. outputs], OutputPatience);
        return death ?? (hasFinished ? null : passedOver);
    }

    private void Signal(int signal)
    {
        foreach (var process in processes.Where(process => !process.HasExited))
        {
            // What a killed process has started goes with it: its session is a process group too.
            if (signal == SigKill) _ = kill(-process.Id, signal);
            _ = kill(process.Id, signal);
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}

/// <summary>This program, to be started again.</summary>
internal static class ThisProgram
{
    /// <summary>The program itself, or dotnet with its assembly.</summary>
    public static IReadOnlyList<string> Command =>
        Environment.ProcessPath is { } path && Path.GetFileName(path) != "dotnet" ? [path]
            : [Environment.ProcessPath ?? "dotnet", "exec", typeof(ThisProgram).Assembly.Location];
}
