using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Bam.Cli;

/// <summary>A process of this program.</summary>
/// <param name="Name">Precedes its messages: "worker 2".</param>
/// <param name="Arguments">Its command line.</param>
internal sealed record ChildProcess(string Name, IReadOnlyList<string> Arguments);

/// <summary>
/// Runs this program several times at once. Messages of the processes are passed on, each line with the process's name; their
/// results are not. The first that fails ends the others, as does a cancellation: they save and stop.
/// </summary>
internal static partial class ChildProcesses
{
    private const string ThreadsVariable = "OMP_NUM_THREADS";
    private const int Terminate = 15;
    private const int LargestStatus = 128;

    /// <summary>Runs the processes to their end.</summary>
    /// <param name="children">What to start.</param>
    /// <param name="threads">Threads of each, unless OMP_NUM_THREADS is set.</param>
    /// <param name="reporter">Gets the lines.</param>
    /// <param name="cancellation">Ends all.</param>
    /// <returns>0 if all ended well, otherwise the status of the first that did not.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; all have ended.</exception>
    /// <exception cref="WorkFailedException">A process cannot be started; the others have ended.</exception>
    public static int Run(
        IReadOnlyList<ChildProcess> children, int threads, IReporter reporter, CancellationToken cancellation)
    {
        var running = new List<(ChildProcess Child, Process Process, Task Ended)>();
        try
        {
            foreach (var child in children)
            {
                var process = Start(child, threads, reporter);
                running.Add((child, process, process.WaitForExitAsync(CancellationToken.None)));
            }

            var status = WaitForAll(running, reporter, cancellation);
            cancellation.ThrowIfCancellationRequested();
            return status;
        }
        finally
        {
            Stop(running);
            Task.WaitAll([.. running.Select(one => one.Ended)], CancellationToken.None);
            foreach (var (_, process, _) in running) process.Dispose();
        }
    }

    private static int WaitForAll(
        List<(ChildProcess Child, Process Process, Task Ended)> running, IReporter reporter, CancellationToken cancellation)
    {
        using var stop = cancellation.Register(() => Stop(running));
        var open = running.ToList();
        while (open.Count > 0)
        {
            var i = Task.WaitAny([.. open.Select(one => one.Ended)], CancellationToken.None);
            var (child, process, _) = open[i];
            open.RemoveAt(i);
            if (process.ExitCode == ExitStatus.Done || cancellation.IsCancellationRequested) continue;
            reporter.Warn(
                string.Create(CultureInfo.InvariantCulture, $"{child.Name} ended with status {process.ExitCode}")
                + (open.Count > 0 ? "; the others are stopped" : ""));
            // A process that a signal ended has a status above 128, which would read as an interruption of this one.
            return process.ExitCode < LargestStatus ? process.ExitCode : ExitStatus.WorkFailed;
        }

        return ExitStatus.Done;
    }

    /// <summary>
    /// Starts a process in a session of its own: a Ctrl-C at the terminal then reaches it once, through this process, and not a
    /// second time from the terminal, which would end it without saving.
    /// </summary>
    private static Process Start(ChildProcess child, int threads, IReporter reporter)
    {
        var start = new ProcessStartInfo("setsid", [Host, typeof(ChildProcesses).Assembly.Location, .. child.Arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (!start.Environment.ContainsKey(ThreadsVariable))
            start.Environment[ThreadsVariable] = threads.ToString(CultureInfo.InvariantCulture);
        try
        {
            var process = Process.Start(start)!;
            process.ErrorDataReceived += (_, line) =>
            {
                if (!string.IsNullOrEmpty(line.Data)) reporter.Say($"[{child.Name}] {line.Data}");
            };
            process.StandardInput.Close();
            process.BeginErrorReadLine();
            process.BeginOutputReadLine();
            return process;
        }
        catch (Win32Exception e)
        {
            throw new WorkFailedException($"setsid: cannot be started ({e.Message}); install util-linux", e);
        }
    }

    private static string Host => Path.GetFileName(Environment.ProcessPath) == "dotnet"
        ? Environment.ProcessPath!
        : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static void Stop(List<(ChildProcess Child, Process Process, Task Ended)> running)
    {
        foreach (var (_, process, ended) in running)
            if (!ended.IsCompleted) _ = Kill(process.Id, Terminate);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
