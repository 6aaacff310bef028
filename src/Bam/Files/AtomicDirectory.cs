using System.Runtime.InteropServices;

namespace Bam.Files;

/// <summary>
/// A directory that appears under its final name only when whole: filled beside it, then synced and renamed by
/// <see cref="Commit"/>. After a power failure there is the old directory or the new one.
/// </summary>
internal sealed partial class AtomicDirectory : IDisposable
{
    private const int CurrentDirectory = -100;
    private const uint Exchange = 2;

    private readonly string requestedPath;
    private readonly string finalPath;
    private readonly OwnFiles own;
    private bool committed;

    /// <summary>Opens a hidden sibling of <paramref name="finalPath"/> to write into.</summary>
    /// <param name="finalPath">The directory; folders above it are made, and symbolic links are followed.</param>
    /// <param name="own">What an older directory of that name may hold to be replaced.</param>
    /// <exception cref="WorkFailedException">The parent cannot be written.</exception>
    /// <exception cref="InvalidInputException">The path is a file, has no parent or holds other things.</exception>
    public AtomicDirectory(string finalPath, OwnFiles own)
    {
        ArgumentNullException.ThrowIfNull(own);
        (requestedPath, this.own) = (finalPath, own);
        OutputPath.RequireKind(finalPath, FileKind.Directory);
        try
        {
            this.finalPath = RealPath.Of(finalPath);
            var parent = Path.GetDirectoryName(this.finalPath)
                ?? throw new InvalidInputException(finalPath, "a directory to write", "the root of the file system", "choose another name");
            own.Require(finalPath);
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

    /// <summary>False where the file system cannot exchange two names in one step.</summary>
    internal bool CanExchange { private get; init; } = OperatingSystem.IsLinux();

    /// <summary>Syncs the names in a directory.</summary>
    internal Action<string> SyncNames { private get; init; } = DiskSync.Directory;

    /// <summary>Gives the directory its final name; an older one of that name is replaced if it still holds nothing but what Bam wrote.</summary>
    /// <exception cref="InvalidInputException">Other things came to lie in the older one meanwhile.</exception>
    /// <exception cref="WorkFailedException">It cannot be renamed, and the old directory, if any, stays; or its new name cannot be synced.</exception>
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
            throw new WorkFailedException($"{requestedPath}: cannot be written ({IoFailure.Describe(e)}); no part of it was left under that name", e);
        }
    }

    /// <summary>Removes what was written, unless committed.</summary>
    public void Dispose()
    {
        if (!committed) TemporarySibling.TryDelete(TemporaryPath);
    }

    /// <summary>
    /// Swaps old and new in one step where the file system can, else by two renames. Between these the old directory has a name under
    /// which the next writer finds it and puts it back, should the process end there.
    /// </summary>
    private void Replace()
    {
        if (CanExchange && RenameAt2(CurrentDirectory, TemporaryPath, CurrentDirectory, finalPath, Exchange) == 0)
        {
            TemporarySibling.TryDelete(TemporaryPath);
            return;
        }

        var replaced = TemporarySibling.OfReplaced(finalPath);
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

/// <summary>Makes names and bytes survive a power failure: <c>fsync</c>, which .NET offers for files but not for directories.</summary>
internal static partial class DiskSync
{
    private const int ReadOnly = 0;
    private const int CloseOnExec = 0x80000;

    /// <summary>Syncs the names in a directory: files made, renamed and removed there.</summary>
    public static void Directory(string path) => Sync(path);

    /// <summary>The failure to sync the name of what is written and renamed.</summary>
    public static WorkFailedException NameMayBeLost(string path, Exception cause) => new(
        $"{path}: is whole, but a power failure may take away its name ({IoFailure.Describe(cause)}); check the disk, then write it again", cause);

    /// <summary>Syncs every regular file and directory below <paramref name="path"/>, and itself.</summary>
    /// <remarks>
    /// Links, pipes, sockets and devices are names, which are synced with their directory. Opening them could fail, wait for ever or leave
    /// the tree.
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

    /// <summary>File systems that cannot sync a directory (some network ones) say EINVAL: there is nothing to be done then.</summary>
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
