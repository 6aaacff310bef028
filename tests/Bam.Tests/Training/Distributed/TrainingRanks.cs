using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Bam.Tests.Training.Distributed;

/// <summary>The ranks of one command of <see cref="TrainingRank"/>, a process each.</summary>
internal sealed partial class TrainingRanks : IDisposable
{
    private const int SigKill = 9;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly Process[] processes;
    private readonly Task<string>[] errors;

    public TrainingRanks(int size, params string[] arguments)
    {
        var port = FreePort();
        processes = [.. Enumerable.Range(0, size).Select(rank => Start(rank, size, port, arguments))];
        errors = [.. processes.Select(process => process.StandardError.ReadToEndAsync())];
    }

    /// <summary>Runs a command to its end, which must be a good one, and returns each rank's lines.</summary>
    public static string[][] Results(int size, params string[] arguments)
    {
        using var ranks = new TrainingRanks(size, arguments);
        return
        [
            .. ranks.Finish().Select(rank => rank.Status == 0
                ? rank.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                : throw new InvalidOperationException(rank.Error)),
        ];
    }

    /// <summary>Kills a rank that has said that it is ready.</summary>
    public void KillWhenReady(int rank)
    {
        var line = processes[rank].StandardOutput.ReadLine();
        if (line != "ready") throw new InvalidOperationException($"expected 'ready', found '{line}': {errors[rank].Result}");
        if (kill(processes[rank].Id, SigKill) != 0) throw new InvalidOperationException("the signal was refused");
    }

    /// <summary>Waits for the end of all ranks.</summary>
    public TrainingRankEnd[] Finish()
    {
        var outputs = processes.Select(process => process.StandardOutput.ReadToEndAsync()).ToArray();
        var ends = new List<TrainingRankEnd>();
        for (var rank = 0; rank < processes.Length; rank++)
        {
            if (!processes[rank].WaitForExit(Patience)) throw new TimeoutException($"rank {rank} did not end");
            ends.Add(new(processes[rank].ExitCode, outputs[rank].Result, errors[rank].Result.Trim()));
        }

        return [.. ends];
    }

    public void Dispose()
    {
        foreach (var process in processes)
        {
            if (!process.HasExited) process.Kill();
            process.Dispose();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static Process Start(int rank, int size, int port, string[] arguments)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        var start = new ProcessStartInfo(dotnet, ["exec", typeof(TrainingRanks).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
        start.Environment["RANK"] = start.Environment["LOCAL_RANK"] = Number(rank);
        start.Environment["WORLD_SIZE"] = Number(size);
        start.Environment["MASTER_ADDR"] = "127.0.0.1";
        start.Environment["MASTER_PORT"] = Number(port);
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["BAM_RANK_TIMEOUT"] = "120";
        return Process.Start(start)!;
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}

/// <summary>How a rank ended, and what it wrote.</summary>
internal sealed record TrainingRankEnd(int Status, string Output, string Error);
