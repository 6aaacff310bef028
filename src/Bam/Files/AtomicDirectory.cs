using System.Runtime.InteropServices;

namespace Bam.Files;

/// <summary>
/// A directory that appears under its final name only when whole: filled beside it, then synced and renamed by
/// <see cref="Commit"/>. After a power failure there is the old directory or the new one.
/// </summary>
public sealed partial class AtomicDirectory : IDisposable
{
    private const int CurrentDirectory = -100;
    private const uint Exchange = 2;

    private readonly string requestedPath;
    private readonly string finalPath;
    private bool committed;

    /// <summary>Opens a hidden sibling of <paramref name="finalPath"/> to write into.</summary>
    /// <param name="finalPath">The directory; folders above it are made, and a symbolic link is followed.</param>
    /// <exception cref="WorkFailedException">The parent cannot be written.</exception>
    /// <exception cref="InvalidInputException">The path is a file or has no parent.</exception>
    public AtomicDirectory(string finalPath)
    {
        requestedPath = finalPath;
        RefuseFile(finalPath);
        try
        {
            this.finalPath = TemporarySibling.FollowLinks(Path.TrimEndingDirectorySeparator(Path.GetFullPath(finalPath)));
            var parent = Path.GetDirectoryName(this.finalPath)
                ?? throw new InvalidInputException(finalPath, "a directory to write", "the root of the file system", "choose another name");
            Directory.CreateDirectory(parent);
            TemporarySibling.RemoveLeftovers(this.finalPath);
            TemporaryPath = TemporarySibling.Of(this.finalPath);
            Directory.CreateDirectory(TemporaryPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{finalPath}: cannot be created ({IoFailure.Describe(e)}); make the folder above it writable or choose another", e);
        }
    }

    /// <summary>Where to write until <see cref="Commit"/>.</summary>
    public string TemporaryPath { get; }

    /// <summary>Refuses a file in the directory's place.</summary>
    /// <exception cref="InvalidInputException">The path is a file.</exception>
    public static void RefuseFile(string finalPath)
    {
        if (File.Exists(finalPath)) throw new InvalidInputException(finalPath, "a directory to write", "a file", "choose another name");
    }

    /// <summary>Gives the directory its final name; an existing directory of that name is replaced.</summary>
    /// <exception cref="WorkFailedException">It cannot be renamed; the old directory, if any, stays.</exception>
    public void Commit()
    {
        try
        {
            DiskSync.Tree(TemporaryPath);
            if (Directory.Exists(finalPath)) Replace();
            else Directory.Move(TemporaryPath, finalPath);
            committed = true;
            DiskSync.Directory(Path.GetDirectoryName(finalPath)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{requestedPath}: cannot be written ({IoFailure.Describe(e)}); no part of it was left under that name", e);
        }
    }

    /// <summary>Removes what was written, unless committed.</summary>
    public void Dispose()
    {
        if (!committed) TemporarySibling.TryDelete(TemporaryPath);
    }

    /// <summary>Swaps old and new in one step where the file system can, else by two renames.</summary>
    private void Replace()
    {
        if (OperatingSystem.IsLinux() && RenameAt2(CurrentDirectory, TemporaryPath, CurrentDirectory, finalPath, Exchange) == 0)
        {
            TemporarySibling.TryDelete(TemporaryPath);
            return;
        }

        var replaced = TemporarySibling.Of(finalPath);
        Directory.Move(finalPath, replaced);
        try
        {
            Directory.Move(TemporaryPath, finalPath);
        }
        catch (IOException)
        {
            Directory.Move(replaced, finalPath);
            throw;
        }

        TemporarySibling.TryDelete(replaced);
    }

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt2(int oldDirectory, string oldPath, int newDirectory, string newPath, uint flags);
}
