namespace Bam.Experiments.Phases;

/// <summary>Keeps a second runner out of a run's directory. The system releases it when the process ends, however it ends.</summary>
public sealed class RunLock : IDisposable
{
    private readonly FileStream file;

    private RunLock(FileStream file) => this.file = file;

    /// <summary>Takes the lock.</summary>
    /// <exception cref="InvalidInputException">Another runner holds it.</exception>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public static RunLock Acquire(string runDirectory)
    {
        var path = Path.Combine(runDirectory, ".lock");
        try
        {
            Directory.CreateDirectory(runDirectory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{runDirectory}: cannot be created ({e.Message}); choose another --output", e);
        }

        try
        {
            return new RunLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new WorkFailedException($"{path}: cannot be written ({e.Message}); choose another --output", e);
        }
        catch (IOException e)
        {
            throw new InvalidInputException(
                $"{runDirectory}: another bam is running this recipe there; wait for it, stop it, or choose another --output", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
