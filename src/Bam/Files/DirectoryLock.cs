namespace Bam.Files;

/// <summary>Keeps a second process out of a directory. The system releases it when the process ends, however it ends.</summary>
internal sealed class DirectoryLock : IDisposable
{
    /// <summary>The locked file inside the directory; it stays, empty.</summary>
    public const string FileName = ".lock";

    private readonly FileStream file;

    private DirectoryLock(FileStream file) => this.file = file;

    /// <summary>Creates the directory if need be and takes its lock.</summary>
    /// <param name="directory">What is to be worked in.</param>
    /// <exception cref="InvalidInputException">Another process holds it.</exception>
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

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
