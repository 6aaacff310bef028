using System.Runtime.InteropServices;

namespace Bam.Files;

/// <summary>
/// A directory that appears under its final name only when complete: it is written under a temporary name, synced and renamed by
/// <see cref="Commit"/>. After a power failure either the old or the new directory exists.
/// </summary>
internal sealed partial class AtomicDirectory : IDisposable
{
    private const int CurrentDirectory = -100;
    private const uint Exchange = 2;

    private readonly string requestedPath;
    private readonly string finalPath;
    private readonly OwnFiles own;
    private bool committed;

    /// <summary>
    /// Creates a hidden sibling of <paramref name="finalPath"/> to write into. Parent folders are created and symbolic links
    /// followed; <paramref name="own"/> describes an existing directory that may be replaced.
    /// </summary>
    /// <exception cref="WorkFailedException">The parent cannot be written.</exception>
    /// <exception cref="InvalidInputException">The path is a file, is the root, or contains other files.</exception>
    public AtomicDirectory(string finalPath, OwnFiles own)
    {
        (requestedPath, this.own) = (finalPath, own);
        OutputPath.RequireKind(finalPath, FileKind.Directory);
        try
        {
            this.finalPath = RealPath.Of(finalPath);
            var parent = Path.GetDirectoryName(this.finalPath)
                ?? throw new InvalidInputException(
                    finalPath, "a directory to write", "the root of the file system", "choose another name");
            own.Require(finalPath);
            Directory.CreateDirectory(parent);
            TemporarySibling.RemoveLeftovers(this.finalPath);
            TemporaryPath = TemporarySibling.NameFor(this.finalPath);
            Directory.CreateDirectory(TemporaryPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException(
                $"{finalPath}: cannot be created ({IoFailure.Describe(e)}); make the folder above it writable or choose another",
                e);
        }
    }

    /// <summary>The directory to write into before <see cref="Commit"/>.</summary>
    public string TemporaryPath { get; }

    /// <summary>False if the file system cannot exchange two names atomically.</summary>
    internal bool CanExchange { private get; init; } = OperatingSystem.IsLinux();

    internal Action<string> SyncNames { private get; init; } = DiskSync.Directory;

    /// <summary>
    /// Renames the directory to its final name. An existing one is replaced if it still contains only files that Bam wrote.
    /// </summary>
    /// <exception cref="InvalidInputException">Other files have been added to the existing directory.</exception>
    /// <exception cref="WorkFailedException">
    /// It cannot be renamed, in which case an existing directory stays, or its new name cannot be synced.
    /// </exception>
    public void Commit()
    {
        try
        {
            DiskSync.Tree(TemporaryPath);
            own.Require(finalPath);
            if (Directory.Exists(finalPath)) Replace();
            else Directory.Move(TemporaryPath, finalPath);
            committed = true;
            SyncNames(Path.GetDirectoryName(finalPath)!);
        }
        catch (Exception e) when (committed && e is (IOException or UnauthorizedAccessException))
        {
            throw DiskSync.NameMayBeLost(requestedPath, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException(
                $"{requestedPath}: cannot be written ({IoFailure.Describe(e)}); no part of it was left under that name", e);
        }
    }

    /// <summary>Removes the temporary directory unless committed.</summary>
    public void Dispose()
    {
        if (!committed) TemporarySibling.TryDelete(TemporaryPath);
    }

    /// <summary>
    /// Exchanges old and new atomically where the file system can, else by two renames. If the process ends between these, the
    /// next writer restores the old directory from its temporary name.
    /// </summary>
    private void Replace()
    {
        if (CanExchange && RenameAt2(CurrentDirectory, TemporaryPath, CurrentDirectory, finalPath, Exchange) == 0)
        {
            TemporarySibling.TryDelete(TemporaryPath);
            return;
        }

        var replaced = TemporarySibling.ReplacedNameFor(finalPath);
        Directory.Move(finalPath, replaced);
        try
        {
            Directory.Move(TemporaryPath, finalPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Directory.Move(replaced, finalPath);
            throw;
        }

        TemporarySibling.TryDelete(replaced);
    }

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt2(int oldDirectory, string oldPath, int newDirectory, string newPath, uint flags);
}

/// <summary>
/// Makes file names and contents survive a power failure with <c>fsync</c>, which .NET offers for files but not for directories.
/// </summary>
internal static partial class DiskSync
{
    private const int ReadOnly = 0;
    private const int CloseOnExec = 0x80000;

    /// <summary>Syncs a directory's entries: files created, renamed and removed in it.</summary>
    public static void Directory(string path) => Sync(path);

    /// <summary>The error for a renamed file whose name could not be synced.</summary>
    public static WorkFailedException NameMayBeLost(string path, Exception cause) => new(
        $"{path}: is whole, but a power failure may take away its name ({IoFailure.Describe(cause)}); check the disk, then "
            + "write it again", cause);

    /// <summary>Syncs <paramref name="path"/> and every regular file and directory below it.</summary>
    /// <remarks>
    /// Links, pipes, sockets and devices are entries, which are synced with their directory. Opening them could fail, block or
    /// leave the tree.
    /// </remarks>
    public static void Tree(string path)
    {
        foreach (var entry in System.IO.Directory.EnumerateFileSystemEntries(path))
        {
            switch (FileStatus.OfEntry(entry)?.Kind)
            {
                case FileKind.Directory:
                    Tree(entry);
                    break;
                case FileKind.File or null:
                    Sync(entry);
                    break;
            }
        }

        Sync(path);
    }

    /// <summary>EINVAL is ignored: some network file systems cannot sync a directory.</summary>
    private static void Sync(string path)
    {
        if (!OperatingSystem.IsLinux()) return;
        var descriptor = Open(path, ReadOnly | CloseOnExec);
        if (descriptor < 0) throw Failure(path);
        try
        {
            const int InvalidArgument = 22;
            if (Fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() != InvalidArgument) throw Failure(path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException Failure(string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{Marshal.GetPInvokeErrorMessage(error)} : '{path}'", error);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
