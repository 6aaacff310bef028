using System.Runtime.InteropServices;

namespace Bam.Files;

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
