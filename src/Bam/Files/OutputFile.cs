using Microsoft.Win32.SafeHandles;

namespace Bam.Files;

/// <summary>
/// A file of known length that several threads write by position. It is flushed to disk while they go on, so that the final sync
/// finds little left.
/// </summary>
internal sealed class OutputFile : IDisposable
{
    /// <summary>Bytes that are written before a flush begins.</summary>
    internal const long FlushLength = 1 << 27;

    private readonly string path;
    private readonly Action<SafeFileHandle> flushToDisk;
    private readonly Lock gate = new();
    private long unflushed;
    private Task flush = Task.CompletedTask;

    /// <summary>Creates the file at its full length, without claiming the disk's blocks.</summary>
    /// <exception cref="WorkFailedException">It cannot be created.</exception>
    public OutputFile(string path, long length)
        : this(path, length, RandomAccess.FlushToDisk)
    {
    }

    internal OutputFile(string path, long length, Action<SafeFileHandle> flushToDisk)
    {
        (this.path, this.flushToDisk) = (path, flushToDisk);
        Handle = Guarded(() => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None));
        try
        {
            Guarded(() => RandomAccess.SetLength(Handle, length));
        }
        catch
        {
            Handle.Dispose();
            throw;
        }
    }

    /// <summary>Open for writing.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Does some writing, with a failure of the disk turned into one line that names the file.</summary>
    /// <exception cref="WorkFailedException">The disk is full or failed.</exception>
    public void Guarded(Action write) =>
        Guarded(() =>
        {
            write();
            return true;
        });

    /// <summary>
    /// Counts bytes that were written, and starts a flush in the background when there are enough of them and none is under way.
    /// </summary>
    /// <exception cref="IOException">An earlier flush failed.</exception>
    public void CountWritten(long bytes)
    {
        lock (gate)
        {
            unflushed += bytes;
            if (unflushed < FlushLength || !flush.IsCompleted) return;
            flush.GetAwaiter().GetResult();
            unflushed = 0;
            flush = Task.Run(() => flushToDisk(Handle));
        }
    }

    /// <summary>
    /// Waits for the flush that is under way. The kernel reports a failed write to only one of those who flush the file, so that
    /// the final sync may not hear of it.
    /// </summary>
    /// <exception cref="WorkFailedException">The disk is full or failed.</exception>
    public void Complete() => Guarded(() => flush.GetAwaiter().GetResult());

    public void Dispose()
    {
        Task.WaitAny(flush); // its failure was reported by Complete, or matters less than what ended the work
        Handle.Dispose();
    }

    private T Guarded<T>(Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException(
                $"{TemporarySibling.Displayed(path)}: cannot be written ({IoFailure.Describe(e)}); no part of it was left "
                + "under that name",
                e);
        }
    }
}
