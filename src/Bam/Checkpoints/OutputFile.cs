using Bam.Files;
using Microsoft.Win32.SafeHandles;

namespace Bam.Checkpoints;

/// <summary>A file of known length that several threads write by position.</summary>
internal sealed class OutputFile : IDisposable
{
    private readonly string path;

    /// <summary>Creates the file at its full length, without claiming the disk's blocks.</summary>
    /// <exception cref="WorkFailedException">It cannot be created.</exception>
    public OutputFile(string path, long length)
    {
        this.path = path;
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

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private T Guarded<T>(Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{TemporarySibling.Displayed(path)}: cannot be written ({IoFailure.Describe(e)}); no part of it was left under that name", e);
        }
    }
}
