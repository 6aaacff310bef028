using Microsoft.Win32.SafeHandles;

namespace Bam.Files;

/// <summary>
/// A file of known length that several threads write by position. It is flushed to disk while they go on, so that the final sync
/// finds little left.
/// </summary>
internal sealed class OutputFile : IDisposable
{
    /// <summary>Bytes that are written before a flush begins.</summary>
    private const long DefaultFlushLength = 1 << 25;

    private readonly string path;
    private readonly long flushLength;
    private readonly Action<SafeFileHandle> flushToDisk;
    private readonly SafeFileHandle handle;
    private readonly Lock turn = new();
    private readonly Lock gate = new();
    private long unflushed;
    private Task flush = Task.CompletedTask;

    /// <summary>Creates the file at its full length, without claiming the disk's blocks, and writes its header.</summary>
    /// <exception cref="WorkFailedException">It cannot be created, or the disk is full.</exception>
    public OutputFile(string path, byte[] header, long length)
        : this(path, header, length, DefaultFlushLength, RandomAccess.FlushToDisk)
    {
    }

    internal OutputFile(
        string path, byte[] header, long length, long flushLength, Action<SafeFileHandle> flushToDisk)
    {
        (this.path, this.flushLength, this.flushToDisk) = (path, flushLength, flushToDisk);
        handle = Guarded(() => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None));
        try
        {
            Guarded(() =>
            {
                RandomAccess.SetLength(handle, length);
                RandomAccess.Write(handle, header, 0);
            });
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Does some writing, with a failure of the disk turned into one line that names the file.</summary>
    /// <exception cref="WorkFailedException">The disk is full or failed.</exception>
    public void Guarded(Action write) =>
        Guarded(() =>
        {
            write();
            return true;
        });

    /// <summary>
    /// Writes bytes, and starts a flush in the background when enough are written and none is under way. Threads take turns. They
    /// would inside the kernel as well, but there a thread that waits keeps its processor busy, which could read or compute.
    /// </summary>
    /// <exception cref="IOException">The disk is full or failed, or an earlier flush failed.</exception>
    public void Write(ReadOnlySpan<byte> bytes, long position)
    {
        lock (turn) RandomAccess.Write(handle, bytes, position);
        lock (gate)
        {
            unflushed += bytes.Length;
            if (unflushed < flushLength || !flush.IsCompleted) return;
            flush.GetAwaiter().GetResult();
            unflushed = 0;
            flush = Task.Run(() => flushToDisk(handle));
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
        handle.Dispose();
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
