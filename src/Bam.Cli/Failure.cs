using System.Globalization;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training.Distributed;

namespace Bam.Cli;

/// <summary>Turns every failure into one line and a status; a fault in Bam also writes its trace to a file.</summary>
internal static class Failure
{
    /// <summary>If set to 1, traces go to standard error.</summary>
    private const string TraceVariable = "BAM_TRACE";

    private const string NoLibTorch = "libtorch cannot be used here: "
        + "'bam doctor' lists where Bam looked for it, './bam setup' in the clone installs it";

    public static int Report(Exception failure, Reporter reporter, CancellationToken cancellation)
    {
        var showTrace = Environment.GetEnvironmentVariable(TraceVariable) is "1";
        if (failure is ClosedOutputException) return ExitStatus.ReaderGone;
        var (status, line) = failure switch
        {
            OperationCanceledException when cancellation.IsCancellationRequested => (ExitStatus.Interrupted, "interrupted"),
            AgreedCancellationException => (ExitStatus.Interrupted, failure.Message),
            InvalidInputException => (ExitStatus.WrongRequest, failure.Message),
            WorkFailedException or ProcessGroupException => (ExitStatus.WorkFailed, failure.Message),
            TorchException when !LibTorch.IsAvailable(out _) =>
                (ExitStatus.WrongRequest, NoLibTorch),
            TorchException => (ExitStatus.WorkFailed, failure.Message.Split('\n')[0]),
            IOException or UnauthorizedAccessException => (ExitStatus.WorkFailed, failure.Message),
            _ => (ExitStatus.WorkFailed, DescribeFault(failure, showTrace, cancellation)),
        };
        reporter.Fail(line);
        if (showTrace) reporter.Trace(failure.ToString());
        return status;
    }

    private static string DescribeFault(Exception failure, bool showTrace, CancellationToken cancellation)
    {
        var mayBeMissingCode = failure is NotSupportedException or MissingMemberException or TypeInitializationException
            or InvalidOperationException;
        if (mayBeMissingCode && !cancellation.IsCancellationRequested) NativeStart.BeginAgainWithRuntime();
        return $"{failure.GetType().Name}: {failure.Message} {WhereTheTraceIs(failure, showTrace)}";
    }

    private static string WhereTheTraceIs(Exception failure, bool shown)
    {
        if (shown) return "(this is a fault in Bam; the trace follows)";
        var time = DateTime.UtcNow.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
        var path = Path.Combine(Path.GetTempPath(), $"bam-trace-{time}-{Environment.ProcessId}.txt");
        try
        {
            var mode = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            using (var trace = new StreamWriter(path, mode))
                trace.Write($"bam {ShowVersion.Version}\n{Environment.CommandLine}\n{failure}\n");
            return $"(this is a fault in Bam; the trace is in {path})";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"(this is a fault in Bam; {TraceVariable}=1 shows the trace)";
        }
    }
}

/// <summary>The exit status of the process.</summary>
internal static class ExitStatus
{
    public const int Done = 0;

    /// <summary>The request was right, the work failed; also a check that did not hold.</summary>
    public const int WorkFailed = 1;

    /// <summary>The request was wrong: an option, a file, a field, a machine that is not set up.</summary>
    public const int WrongRequest = 2;

    /// <summary>Ctrl-C or SIGTERM, after saving.</summary>
    public const int Interrupted = 130;

    /// <summary>The reader of standard output has gone; a shell reports this for a program that SIGPIPE ended.</summary>
    public const int ReaderGone = 141;
}
