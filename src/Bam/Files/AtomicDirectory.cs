namespace Bam.Files;

/// <summary>A directory that appears under its final name only when whole: filled beside it, then renamed by <see cref="Commit"/>.</summary>
public sealed class AtomicDirectory : IDisposable
{
    private readonly string finalPath;
    private bool committed;

    /// <summary>Opens a hidden sibling of <paramref name="finalPath"/> to write into.</summary>
    /// <exception cref="WorkFailedException">The parent cannot be written.</exception>
    public AtomicDirectory(string finalPath)
    {
        this.finalPath = Path.TrimEndingDirectorySeparator(Path.GetFullPath(finalPath));
        var parent = Path.GetDirectoryName(this.finalPath)!;
        TemporaryPath = Path.Combine(parent, $".{Path.GetFileName(this.finalPath)}.{Environment.ProcessId}.tmp");
        try
        {
            if (Directory.Exists(TemporaryPath)) Directory.Delete(TemporaryPath, recursive: true);
            Directory.CreateDirectory(TemporaryPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{finalPath}: cannot be created ({e.Message}); choose another --output", e);
        }
    }

    /// <summary>Where to write until <see cref="Commit"/>.</summary>
    public string TemporaryPath { get; }

    /// <summary>Gives the directory its final name; an existing directory of that name is replaced.</summary>
    public void Commit()
    {
        var replaced = $"{TemporaryPath}.old";
        if (Directory.Exists(finalPath)) Directory.Move(finalPath, replaced);
        Directory.Move(TemporaryPath, finalPath);
        committed = true;
        if (Directory.Exists(replaced)) Directory.Delete(replaced, recursive: true);
    }

    /// <summary>Removes what was written, unless committed.</summary>
    public void Dispose()
    {
        if (!committed && Directory.Exists(TemporaryPath)) Directory.Delete(TemporaryPath, recursive: true);
    }
}
