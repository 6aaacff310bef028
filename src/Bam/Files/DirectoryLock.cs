namespace Bam.Files;

/// <summary>Locks a directory against other Bam processes. The system releases the lock when the process ends.</summary>
internal sealed class DirectoryLock : IDisposable
{
    /// <summary>The empty lock file inside the directory; it is not removed.</summary>
    public const string FileName = ".lock";

    private readonly FileLock file;

    private DirectoryLock(FileLock file) => this.file = file;

    /// <summary>Creates the directory if it does not exist and locks it, if its file system has locks.</summary>
    /// <exception cref="InvalidInputException">Another process holds the lock.</exception>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public static DirectoryLock Acquire(string directory)
    {
        var file = FileLock.Open(Path.Combine(directory, FileName));
        if (file.TryLock(LockKind.Exclusive) != LockAttempt.Busy) return new DirectoryLock(file);
        file.Dispose();
        throw new InvalidInputException(
            $"{directory}: another bam is at work there; wait for it, stop it, or choose another output");
    }

    public void Dispose() => file.Dispose();
}
