using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Bam.Fuzz;

/// <summary>
/// Runs ranges of cases in processes of their own, so that a crash, a hang or too much memory costs one case and is counted.
/// </summary>
/// <param name="patience">The longest that a case may take.</param>
internal sealed class Supervisor(TimeSpan patience)
{
    private const long MostMemory = 1L << 30;
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);

    // A worker's first case loads libtorch and builds what the cases are made of.
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(2);

    private readonly Lock gate = new();

    /// <summary>Runs all ranges.</summary>
    /// <param name="ranges">Kinds with their first seed number and the count.</param>
    /// <param name="workers">How many processes at a time.</param>
    /// <returns>A tally for each kind.</returns>
    public IReadOnlyList<Tally> Run(IReadOnlyList<(Kind Kind, long From, long Count)> ranges, int workers)
    {
        var tallies = ranges.Select(range => range.Kind).Distinct().ToDictionary(kind => kind, kind => new Tally(kind));
        var queue = new ConcurrentQueue<(Kind Kind, long From, long Count)>(ranges);
        var threads = Enumerable.Range(0, workers).Select(_ => new Thread(() =>
        {
            while (queue.TryDequeue(out var range)) RunRange(range.Kind, range.From, range.Count, tallies[range.Kind]);
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return [.. tallies.Values];
    }

    private void RunRange(Kind kind, long from, long count, Tally total)
    {
        var end = from + count;
        var tally = new Tally(kind);
        while (from < end)
        {
            // The worker's own, but a worker that is killed removes nothing.
            var directory = Workspace.NewDirectory();
            from = RunProcess(kind, from, end - from, directory, tally);
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }

        lock (gate) total.Add(tally);
    }

    /// <summary>Runs cases until the process ends.</summary>
    /// <returns>The seed number after the last case that was run.</returns>
    private long RunProcess(Kind kind, long from, long count, string directory, Tally tally)
    {
        var lines = new BlockingCollection<string>();
        using var process = Start([Program.WorkerWord, kind.Name, $"{from}", $"{count}", directory]);
        process.StandardInput.Close(); // a prompt from there is empty
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is not null) lines.Add(line.Data);
            else lines.CompleteAdding();
        };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var (seed, isRunning, isFirst, clock) = (from, false, true, Stopwatch.StartNew());
        while (!lines.IsCompleted)
        {
            if (lines.TryTake(out var line, BetweenLooks))
            {
                var words = line.Split(' ', 4);
                if (words[0] == Worker.Begin)
                {
                    (seed, isRunning) = (long.Parse(words[1], CultureInfo.InvariantCulture), true);
                }
                else if (words[0] == Worker.End)
                {
                    var outcome = Enum.Parse<Outcome>(words[1]);
                    tally.Add(outcome, isFirst ? 0 : long.Parse(words[2], CultureInfo.InvariantCulture));
                    if (outcome == Outcome.Fault) Report(kind, seed, words[3]);
                    (isRunning, isFirst) = (false, false);
                }

                clock.Restart();
            }

            var isOverMemory = MemoryOf(process) > MostMemory;
            if (!isOverMemory && clock.Elapsed < (isFirst ? StartPatience : patience)) continue;
            process.Kill();
            process.WaitForExit();
            if (isOverMemory) tally.AddOverMemory();
            else tally.AddHang();
            Report(kind, seed, isOverMemory ? "over memory" : "hang");
            return seed + 1;
        }

        process.WaitForExit();
        if (process.ExitCode == 0 && !isRunning) return seed + 1;
        tally.AddCrash();
        Report(kind, seed, $"crash, status {process.ExitCode}");
        return seed + 1;
    }

    // This process is either the program itself or 'dotnet', which is told the program.
    private static Process Start(string[] arguments) => Process.Start(new ProcessStartInfo(
        Environment.ProcessPath!,
        Path.GetFileName(Environment.ProcessPath) == "dotnet" ? [typeof(Supervisor).Assembly.Location, .. arguments] : arguments)
    {
        // As the command 'bam' sets it: what one case gave back serves the next, on whatever thread it runs.
        Environment = { ["OMP_NUM_THREADS"] = "1", ["MALLOC_ARENA_MAX"] = "1" },
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static long MemoryOf(Process process)
    {
        try
        {
            process.Refresh();
            return process.WorkingSet64;
        }
        catch (InvalidOperationException)
        {
            return 0;
        }
    }

    private void Report(Kind kind, long seed, string message)
    {
        lock (gate) Console.WriteLine($"{kind.Name} {seed}: {message}");
    }
}
