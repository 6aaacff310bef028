using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Bam.Torch.Tests.Distributed;

/// <summary>The ranks of one scenario of <see cref="RankProgram"/>, a process each.</summary>
internal sealed partial class Ranks : IDisposable
{
    public const int SigKill = 9;
    public const int SigStop = 19;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Process[] processes;
    private readonly Task<string>[] errors;

    public Ranks(
        string scenario, int size, int timeout = 60, int joinTimeout = 120, int? missing = null, string device = "cpu")
    {
        var port = FreePort();
        processes =
        [
            .. Enumerable.Range(0, size).Where(rank => rank != missing).Select(
                rank => Start(scenario, [rank, size, port, timeout, joinTimeout], device)),
        ];
        errors = [.. processes.Select(process => process.StandardError.ReadToEndAsync())];
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Runs a scenario to its end, which must be a good one, and returns each rank's lines by name.</summary>
    public static Dictionary<string, string>[] Results(string scenario, int size, string device = "cpu")
    {
        using var ranks = new Ranks(scenario, size, device: device);
        return
        [
            .. ranks.Finish().Select(
                rank => rank.Status == 0
                    ? rank.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(": "))
                        .ToDictionary(parts => parts[0], parts => parts[1])
                    : throw new InvalidOperationException(rank.Error)),
        ];
    }

    /// <summary>Sends a signal to a rank that has said that it is ready, and lets the others go on.</summary>
    public void SignalWhenReady(int rank, int signal)
    {
        var line = processes[rank].StandardOutput.ReadLine();
        if (line != "ready")
            throw new InvalidOperationException($"expected 'ready', found '{line}': {errors[rank].Result}");
        if (kill(processes[rank].Id, signal) != 0)
            throw new InvalidOperationException($"signal {signal} was refused");
        foreach (var other in processes.Where((_, number) => number != rank))
            other.StandardInput.WriteLine("go");
    }

    /// <summary>Waits for the end of all ranks but one.</summary>
    public RankEnd[] Finish(int? except = null)
    {
        var ends = new List<RankEnd>();
        for (var rank = 0; rank < processes.Length; rank++)
        {
            if (rank == except)
                continue;
            var output = processes[rank].StandardOutput.ReadToEndAsync();
            if (!processes[rank].WaitForExit(Patience))
                throw new TimeoutException($"rank {rank} did not end");
            ends.Add(new RankEnd(processes[rank].ExitCode, output.Result, errors[rank].Result.Trim()));
        }

        return [.. ends];
    }

    public void Dispose()
    {
        foreach (var process in processes)
        {
            if (!process.HasExited)
                process.Kill();
            process.Dispose();
        }
    }

    private static Process Start(string scenario, int[] numbers, string device)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        return Process.Start(
            new ProcessStartInfo(
                dotnet,
                [
                    "exec", typeof(Ranks).Assembly.Location, scenario,
                    .. numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)), device,
                ])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}

/// <summary>How a rank ended, and what it wrote.</summary>
internal sealed record RankEnd(int Status, string Output, string Error);
