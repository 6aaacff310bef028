using System.Globalization;
using Bam.Files;

namespace Bam.Training.Metrics;

/// <summary>
/// Writes scalars as a TensorBoard event file. Every writer starts a file of its own, also after a resume: TensorBoard reads all
/// files of a directory as one run, in the order of their names.
/// </summary>
internal sealed class TensorBoardWriter : IDisposable
{
    /// <summary>The longest that a written value stays in memory while values keep coming.</summary>
    public static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(5);

    private readonly TimeProvider clock;
    private readonly FileStream stream;
    private long lastFlush;

    /// <summary>Starts the next event file of <paramref name="directory"/>, which is created when missing.</summary>
    /// <param name="directory">The run's event directory.</param>
    /// <param name="resumedAt">
    /// The first step that this writer will see, when training went on from a checkpoint: whatever an earlier file says of that
    /// step and later is superseded. Null for a fresh run, without earlier files.
    /// </param>
    /// <param name="clock">Wall time; the system's unless given.</param>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public TensorBoardWriter(string directory, long? resumedAt = null, TimeProvider? clock = null)
    {
        this.clock = clock ?? TimeProvider.System;
        try
        {
            Directory.CreateDirectory(directory);
            stream = Create(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{directory}: event files cannot be written ({IoFailure.Describe(e)})", e);
        }

        Append(new() { WallTime = WallTime(), FileVersion = TensorBoardEvent.CurrentFileVersion });
        if (resumedAt is { } step) Append(new() { WallTime = WallTime(), Step = step, StartsSession = true });
        Flush();
    }

    /// <summary>The file being written.</summary>
    public string Path => stream.Name;

    /// <summary>Records the values of one step.</summary>
    /// <param name="step">The training step.</param>
    /// <param name="scalars">Values by tag; TensorBoard groups tags by what stands before the slash ("loss/nll").</param>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Write(long step, IReadOnlyList<KeyValuePair<string, double>> scalars)
    {
        Append(new() { WallTime = WallTime(), Step = step, Scalars = scalars });
        if (clock.GetElapsedTime(lastFlush) >= FlushInterval) Flush();
    }

    /// <summary>Hands everything written so far to the operating system, where readers see it and a killed process leaves it.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Flush()
    {
        Guard(stream.Flush);
        lastFlush = clock.GetTimestamp();
    }

    /// <summary>Closes the file with everything written, as far as the disk takes it: only <see cref="Flush"/> says that it is full.</summary>
    public void Dispose()
    {
        try
        {
            stream.Dispose();
        }
        catch (IOException)
        {
            // It would hide the failure that ended the work.
        }
    }

    private FileStream Create(string directory)
    {
        var seconds = clock.GetUtcNow().ToUnixTimeSeconds();
        for (var ordinal = 0; ; ordinal++)
        {
            var name = string.Create(
                CultureInfo.InvariantCulture, $"events.out.tfevents.{seconds:D10}.{ordinal:D4}.{Environment.MachineName}");
            var path = System.IO.Path.Combine(System.IO.Path.GetFullPath(directory), name);
            if (!File.Exists(path)) return new(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 1 << 16);
        }
    }

    private void Append(TensorBoardEvent message)
    {
        var bytes = message.ToBytes();
        Guard(() => RecordWriter.Write(stream, bytes));
    }

    private double WallTime() => clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (IOException e)
        {
            throw new WorkFailedException($"{stream.Name}: cannot be written ({IoFailure.Describe(e)})", e);
        }
    }
}
