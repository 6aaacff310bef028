using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Bam.Files;

/// <summary>What the kernel is told of a file's future, so that the disk works while the processor does. All of it may be ignored.</summary>
internal static partial class FileAdvice
{
    private const int WillNeed = 3;
    private const uint Write = 2;

    /// <summary>Begins to read a range into the page cache.</summary>
    public static void ReadAhead(SafeFileHandle file, long position, long length) => _ = PosixAdvise(file, position, length, WillNeed);

    /// <summary>Begins to write a range to the disk, which otherwise waits for the final sync.</summary>
    public static void WriteBehind(SafeFileHandle file, long position, long length) => _ = SyncFileRange(file, position, length, Write);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int PosixAdvise(SafeFileHandle file, long position, long length, int advice);

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    private static partial int SyncFileRange(SafeFileHandle file, long position, long length, uint flags);
}
