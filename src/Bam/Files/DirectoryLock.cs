namespace Bam.Files;

/// <summary>Locks a directory against other Bam processes. The system releases the lock when the process ends.</summary>
internal sealed class DirectoryLock : IDisposable
{
    /// <summary>The empty lock file inside the directory; it is not removed.</summary>
    public const string FileName = ".lock";

    private readonly FileStream file;

    private DirectoryLock(FileStream file) => this.file = file;

    /// <summary>Creates the directory if it does not exist and locks it.</summary>
    /// <exception cref="InvalidInputException">Another process holds the lock.</exception>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public static DirectoryLock Acquire(string directory)
    {
        var path = Path.Combine(directory, FileName);
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{directory}: cannot be created ({IoFailure.Describe(e)}); choose another output", e);
        }

        try
        {
            return new DirectoryLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (IoFailure.IsLock(e))
        {
            throw new InvalidInputException(
                $"{directory}: another bam is at work there; wait for it, stop it, or choose another output", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{path}: cannot be written ({IoFailure.Describe(e)}); choose another output", e);
        }
    }

    public void Dispose() => file.Dispose();
}
